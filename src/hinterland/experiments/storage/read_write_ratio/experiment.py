"""How a trial is run, and what its readings come to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    Assumption,
    History,
    Outcome,
    Process,
    Trial,
    assume,
    end_of_warmup,
    percentile,
    standstills,
)

WINDOW_S, IDLE_S = 0.25, 0.02
MOST_S = 8.0
"""How long a trial with all writes may take for its rounds: on a calm machine one second."""
ROUNDS = 10
"""An engine collects writes, fsyncs its data, merges and begins anew: fewer rounds leave some of it out."""
COUNTED_S, WINDOWS, BUCKET = 0.004, 5, 1.01  # As systems/slices.py keeps them.
ROW_BYTES, PAGE_BYTES = 116, 4096
MEMORY_BYTES = {"80MB": 80_000_000}
QUIET_SHARE = 0.1
"""Device bytes of a trial count when others wrote less than this share of them just before or after it."""


async def trial(t: Trial) -> None:
    t.phase("prepare")
    folder, result = t.scratch / "data", t.scratch / "result.json"
    limit = t.rig.memory_limit(MEMORY_BYTES[t["memory"]]) if t["memory"] in MEMORY_BYTES else None
    copy_to_device(await dataset(t), folder, cold=limit is not None)
    before = await written_by_others(t)
    t.phase("measure")
    with t.rig.device_bytes(t.scratch) as device:
        asked = ["--keys", t["keys"], "--read-ratio", t["read_ratio"], "--sync", t["sync"], "--seed", t.seed]
        asked += ["--window-s", WINDOW_S, "--rounds", ROUNDS, "--limit-s", MOST_S]
        asked += ["--core", min(t.rig.server_cores), "--folder", folder, "--out", result]
        async with t.rig.standstills() as machine:
            await finished(await t.start("driver.py", t["engine"], *asked, name=t["engine"], limit=limit))
    t.phase("final")
    t.reading("driver", json.loads(result.read_text()))
    t.reading("machine_stood_still", machine.spans)
    t.reading("device_bytes", device.written_bytes)
    t.reading("idle_bytes", [before, await written_by_others(t)])


async def written_by_others(t: Trial) -> int | None:
    """Returns how many bytes the device wrote while this trial did nothing, None where it can't tell."""
    with t.rig.device_bytes(t.scratch) as idle:
        await asyncio.sleep(IDLE_S)  # Nothing is awaited: this is how long others are watched.
    return idle.written_bytes


async def dataset(t: Trial) -> Path:
    """Returns the run's dataset for this engine, loaded and aged; the first trial that needs it builds it."""
    ready = t.cache / f"{t['engine']}-{t['keys']}"
    if not ready.exists():
        building = t.cache / f".{ready.name}-{os.getpid()}"
        building.mkdir()
        asked = ["--load", "--folder", building, "--keys", t["keys"]]
        await finished(await t.start("driver.py", t["engine"], *asked, name="loader"))
        with contextlib.suppress(OSError):  # Another trial may have been quicker.
            building.rename(ready)
    return ready


async def finished(process: Process) -> None:
    if await process.wait(300) != 0:
        raise process.failure("it ended before it was done.")


def copy_to_device(source: Path, target: Path, cold: bool) -> None:
    """Copies a dataset and waits until the device has it, so that its bytes are not counted later.

    `cold` drops it from memory as well: a process with a memory limit has to bring it in on its own account.
    """
    shutil.copytree(source, target)
    for path in (path for path in target.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            if cold:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def outcome(h: History) -> Outcome:
    driver = h.readings["driver"]
    counts = np.array([count for part in driver["slices"] for count in part["counts"]], dtype=float)
    warm = end_of_warmup(counts.tolist(), batch=WINDOWS)
    steady = (len(counts) // 2 if warm is None else warm) // WINDOWS
    slices, first = driver["slices"][steady:], steady * WINDOWS
    # A record from before they were kept has none of these.
    stood_still, began_ns = h.readings.get("machine_stood_still", []), driver.get("begun_ns", 0)
    begin_ns = began_ns + np.arange(first, len(counts) + 1) * round(COUNTED_S * 1e9)
    long = [each for each in driver.get("long", []) if begin_ns[0] <= each[1] < begin_ns[-1]]
    engine_ns = sum(part["engine_ns"] for part in slices) - standstills.waited_ns(long, stood_still)
    stood = standstills.stood_during(begin_ns[:-1], begin_ns[1:], stood_still)
    # A machine that stands still until the end leaves slices in which nothing ended.
    throughput = {"throughput_per_s": counts[first:].sum() / engine_ns * 1e9} if engine_ns > 0 else {}
    return Outcome(
        metrics={
            **throughput,
            "driver_overhead_us": driver["driver_overhead_us"],
            "two_pages_per_row": 2 * PAGE_BYTES / ROW_BYTES,
            **latencies_us(slices),
            **write_amplification(h),
        },
        assumptions=tuple(assumptions(h, counts[first:][~stood])),
        series={"throughput_per_s": [(at * COUNTED_S, count / COUNTED_S) for at, count in enumerate(counts)]},
    )


def latencies_us(steady: list[dict[str, Any]]) -> dict[str, float]:
    """Returns medians and 99th percentiles of reads and writes, from all operations."""
    found = {}
    for kind in ("read", "write"):
        each = np.concatenate([np.repeat(*np.array(part[kind], dtype=np.int64)) for part in steady])
        for name, q in (("p50", 50), ("p99", 99)):
            interval = percentile(each, q)
            if interval is not None:
                found[f"{kind}_{name}_us"] = BUCKET ** (interval.estimate + 0.5) / 1000
    return found


def write_amplification(h: History) -> dict[str, float]:
    """Returns device bytes a user byte; nothing where too little was written, or others wrote as well."""
    driver, written, watched = (h.readings[name] for name in ("driver", "device_bytes", "idle_bytes"))
    if written is None or None in watched or driver["rounds"] < ROUNDS:
        return {}
    # The filesystem writes a page or two by itself now and then; who goes on writing does so in both.
    if min(watched) / IDLE_S * WINDOW_S > QUIET_SHARE * written:
        return {}
    return {"device_bytes_per_user_byte": written / driver["user_bytes_written"]}


def assumptions(h: History, counted: NDArray[np.float64]) -> Iterator[Assumption]:
    driver, limit = h.readings["driver"], MEMORY_BYTES.get(str(h.treatment["memory"]), 0)
    found, sampled, size = driver["found"], driver["sampled"], driver["data_bytes"]
    first, second = (float(half.sum()) / max(1, half.size) for half in np.array_split(counted, 2))
    drift = second / max(first, 1.0)
    yield assume("what is read exists", found == sampled, f"{found} of {sampled}", name="data_is_there")
    steady, measured = 0.5 < drift < 2, f"drifts by {drift:.2g} x"
    yield assume(
        "operations ended after the warm-up", bool(counted.any()), f"{counted.sum():.0f}", name="measured"
    )
    yield assume("throughput stays within 2 x", steady, measured, timed=True, name="steady")
    if limit:
        yield assume("the data exceeds the limit", size > limit, f"{size:,} bytes", name="beyond_memory")
