"""Drives one storage engine with a mix of reads and writes, and times every operation.

    python driver.py sqlite --keys 20000 --read-ratio 0.9

One thread, one operation a transaction, keys drawn evenly. The order is: open, time an engine that does
nothing (the driver's own cost), run the mix, settle (flush, merge, checkpoint, fsync), and only then write
the result, so that nothing but the engine reaches the device in between. With --load it stores the dataset
instead: every key once, in order, and then `--age` updates of evenly drawn keys, so that free lists and young
files look like those of an engine at work.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import tempfile
import time
from array import array
from collections.abc import Iterator
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

from slices import long_ones, slices  # type: ignore[import-not-found]  # It stands beside this program.

KEY_BYTES, VALUE_BYTES = 16, 100
MOST_CACHE_BYTES = 8 << 20
"""Engines that have a cache get a tenth of the data, at most this."""
DRAWS = 1 << 20
"""Random numbers drawn ahead; a run of more operations starts over with them."""
DRAW_RANGE = 1 << 32
EACH_COMMIT_ROUND = 20
"""With an fsync at each commit, this many commits stand for the rhythm of flush, merge and checkpoint."""
SAMPLED = 1000
"""Keys looked up at the end, to see that the data is there: reads of nothing would be fast."""

Columns = tuple["array[int]", "array[int]", "array[int]"]


class NullEngine:
    """Stores nothing: what the loop costs by itself."""

    def get(self, key: bytes) -> None:
        return None

    def put(self, key: bytes, value: bytes) -> None:
        return None


def pairs(keys: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the dataset in the order of its keys, with values that do not compress."""
    source = random.Random(keys)
    for number in range(keys):
        yield number.to_bytes(KEY_BYTES, "big"), source.randbytes(VALUE_BYTES)


def run(
    engine: Any,
    keys: int,
    read_ratio: float,
    seed: int,
    window_s: float,
    writes: int = 0,
    limit_s: float = 0.0,
) -> Columns:
    """Returns start and end of each operation (ns, CLOCK_MONOTONIC) and 1 where it was a read.

    Runs for `window_s`, and then on until `writes` writes are done or `limit_s` has passed. A draw is a
    number of 32 bits: its remainder picks the key, its size decides on read or write, so 0 and 1 are exact.
    """
    source = random.Random(seed)
    draws = array("I")
    draws.frombytes(source.randbytes(DRAWS * draws.itemsize))
    values = [source.randbytes(VALUE_BYTES) for _ in range(256)]
    reads_below = round(read_ratio * DRAW_RANGE)
    get, put, clock = engine.get, engine.put, time.monotonic_ns
    started, done, read = array("q"), array("q"), array("b")
    add_started, add_done, add_read = started.append, done.append, read.append
    first = clock()
    end, limit = first + int(window_s * 1e9), first + int(limit_s * 1e9)
    for draw in cycle(draws):
        key = (draw % keys).to_bytes(KEY_BYTES, "big")
        if draw < reads_below:
            before = clock()
            get(key)
            after = clock()
            add_read(1)
        else:
            value = values[draw & 255]
            before = clock()
            put(key, value)
            after = clock()
            add_read(0)
        add_started(before)
        add_done(after)
        if after >= end:
            if after >= limit or read.count(0) >= writes:
                break
            end = after + 20_000_000
    return started, done, read


def sampled_keys(keys: int, count: int) -> Iterator[bytes]:
    """Yields evenly drawn keys of the dataset."""
    source = random.Random(keys + 1)
    for _ in range(count):
        yield source.randrange(keys).to_bytes(KEY_BYTES, "big")


def driver_overhead_us(keys: int, read_ratio: float, seed: int) -> float:
    """Returns what the loop costs an operation, in microseconds, measured on an engine that does nothing."""
    started: array[int] = array("q")
    while len(started) < 2:  # Somebody else may take the core for the whole window.
        started, _, _ = run(NullEngine(), keys, read_ratio, seed, window_s=0.01)
    gaps = sorted(after - before for before, after in pairwise(started))
    return gaps[len(gaps) // 2] / 1000


def measure(engine: Any, settings: argparse.Namespace) -> dict[str, Any]:
    """Runs the mix and settles; returns what was seen, in JSON values."""
    mix = settings.keys, settings.read_ratio, settings.seed
    round_writes = engine.group_writes if settings.sync == "group" else EACH_COMMIT_ROUND
    wanted = settings.rounds * round_writes if settings.read_ratio == 0 else 0
    overhead_us = driver_overhead_us(*mix)
    started, done, read = run(engine, *mix, settings.window_s, wanted, settings.limit_s)
    before = time.monotonic_ns()
    engine.settle()
    settle_s = (time.monotonic_ns() - before) / 1e9
    found = sum(engine.get(key) is not None for key in sampled_keys(settings.keys, SAMPLED))
    engine.close()
    writes = read.count(0)
    return {
        "reads": len(read) - writes,
        "writes": writes,
        "rounds": writes / round_writes,
        "user_bytes_written": writes * (KEY_BYTES + VALUE_BYTES),
        "operations_per_s": len(read) / (done[-1] - started[0]) * 1e9,
        "driver_overhead_us": overhead_us,
        "settle_s": settle_s,
        "sampled": SAMPLED,
        "found": found,
        "data_bytes": sum(path.stat().st_size for path in settings.folder.rglob("*") if path.is_file()),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "begun_ns": started[0],
        "long": long_ones(started, done),
        "slices": slices(started, done, read),
    }


def load(engine: Any, keys: int, age: int) -> None:
    """Stores every key, then updates `age` evenly drawn ones, and settles after each of the two."""
    engine.load(pairs(keys))
    engine.settle()
    value = random.Random(age).randbytes(VALUE_BYTES)
    for key in sampled_keys(keys, age):
        engine.put(key, value)
    engine.settle()
    engine.close()


def settings_from(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=["sqlite", "lmdb", "rocksdb"])
    parser.add_argument(
        "--folder", type=Path, help="where the data is; default: a temporary folder, loaded first"
    )
    parser.add_argument(
        "--out", type=Path, help="file for the whole result; default: print it without its slices"
    )
    parser.add_argument("--load", action="store_true", help="store the dataset and stop")
    parser.add_argument("--age", type=int, default=30_000, help="updates after the load")
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--read-ratio", type=float, default=0.5)
    parser.add_argument("--sync", choices=["group", "each_commit"], default="group")
    parser.add_argument("--window-s", type=float, default=0.5)
    parser.add_argument(
        "--rounds", type=int, default=0, help="with all writes, go on for so many fsyncs of the data"
    )
    parser.add_argument("--limit-s", type=float, default=5.0, help="but no longer than this")
    parser.add_argument("--core", type=int, help="keep the driving thread on this core")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main() -> None:
    settings = settings_from()
    engine_class = importlib.import_module(f"{settings.engine}_engine").Engine
    cache_bytes = min(MOST_CACHE_BYTES, settings.keys * (KEY_BYTES + VALUE_BYTES) // 10)
    with tempfile.TemporaryDirectory(prefix="driver-") as temporary:
        if settings.load or settings.folder is None:
            settings.folder = settings.folder or Path(temporary)
            load(engine_class(settings.folder, "group", cache_bytes), settings.keys, settings.age)
        if settings.load:
            return
        engine = engine_class(settings.folder, settings.sync, cache_bytes)
        if settings.core is not None:
            os.sched_setaffinity(0, {settings.core})  # This thread alone: merges may use the other cores.
        result = measure(engine, settings)
        if settings.out:
            settings.out.write_text(json.dumps(result))
        else:
            print(json.dumps({name: value for name, value in result.items() if name != "slices"}, indent=2))


if __name__ == "__main__":
    main()
