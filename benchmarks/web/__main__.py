"""`python -m benchmarks.web [--runs N] [--watchers N]`: the server of the atlas against its targets.

A store gets so many finished runs, and one that goes on, whose events this program writes. Then pages are
asked for one after the other, and so many watchers follow the run at once: an event's delay is from its
writing to its arrival. Exit status 1: a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import numpy as np

from hinterland import catalogue
from hinterland.model.levels import treatments
from hinterland.model.run import RunInfo, TrialNoted
from hinterland.model.verdict import Evidence, Verdict

PAGE_MS, LIST_MS, DELAY_MS, MEMORY_MB, END_S = 100.0, 100.0, 250.0, 200.0, 1.0
ASKED = 15
EVENTS, EVERY_S = 60, 0.05


def main() -> int:
    """Prints a row for each figure and returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, metavar="N", help="finished runs in the store")
    parser.add_argument("--watchers", type=int, default=200, metavar="N", help="streams of one live run")
    asked = parser.parse_args()
    met = []
    with tempfile.TemporaryDirectory(prefix="hinterland-web-") as folder:
        store = Path(folder)
        fill(store, asked.runs)
        live = begin(store)
        with serving(store) as (port, token, process):
            cookie = come_in(port, token)
            met += [
                told(f"{path}, {asked.runs:,} runs", page_ms(port, cookie, path), PAGE_MS, "ms")
                for path in ("/", "/protocols/nagle", "/paths", "/notebook")
            ]
            met.append(told(f"/runs, {asked.runs:,} runs", page_ms(port, cookie, "/runs"), LIST_MS, "ms"))
            delays = asyncio.run(watched(port, cookie, live, asked.watchers))
            met.append(told(f"p99 of an event's delay, {asked.watchers} watchers", delays[0], DELAY_MS, "ms"))
            print(f"  events lost: {delays[1]}")
            met += [delays[1] == 0, told("memory of the server", memory_mb(process.pid), MEMORY_MB, "MB")]
            met.append(
                told(
                    "its end, with every stream open",
                    asyncio.run(ended(port, cookie, live, asked.watchers, process)),
                    END_S,
                    "s",
                )
            )
    return 0 if all(met) else 1


def told(what: str, value: float, most: float, unit: str) -> bool:
    print(f"{what}: {value:.3g} {unit} (at most {most:g}){'' if value <= most else ', MISSED'}", flush=True)
    return value <= most


def fill(store: Path, count: int) -> None:
    """Writes finished runs of the atlas's experiments, each with its verdicts."""
    found = catalogue.experiments()
    for number in range(count):
        experiment = found[number % len(found)]
        folder = store / f"20260101T{number:06}-{experiment.name}"
        folder.mkdir()
        info = RunInfo(
            id=folder.name, experiment=experiment, seed=1, budget_s=60, started_at=1e9 + number, machine={},
            treatments=treatments(experiment), status="finished",
        )  # fmt: skip
        evidence = Evidence(verdict="holds", says="")
        judged = [
            Verdict(
                claim=claim.id, says=claim.says, control_says=claim.control, verdict="holds", form="never",
                evidence=evidence, control=evidence,
            )
            for claim in experiment.claim
        ]  # fmt: skip
        (folder / "run.json").write_bytes(msgspec.json.encode(info))
        (folder / "verdicts.json").write_bytes(msgspec.json.encode(judged))


def begin(store: Path) -> Path:
    """Makes a run that goes on as long as this process lives, and returns its folder."""
    experiment = catalogue.find("protocols/nagle")
    folder = store / "20270101T000000-live"
    folder.mkdir()
    info = RunInfo(
        id=folder.name, experiment=experiment, seed=1, budget_s=60, started_at=time.time(), machine={},
        treatments=treatments(experiment), pid=os.getpid(),
    )  # fmt: skip
    (folder / "run.json").write_bytes(msgspec.json.encode(info))
    (folder / "events.jsonl").touch()
    return folder


@contextmanager
def serving(store: Path) -> Iterator[tuple[int, str, subprocess.Popen[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hinterland", "serve", "--no-open", "--port", "0"],
        env={**os.environ, "HINTERLAND_STORE": str(store)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = urlsplit(
            next(word for word in process.stdout.readline().split() if word.startswith("http"))
        )
        yield int(address.port or 0), address.query.partition("=")[2], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def come_in(port: int, token: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/?token={token}")
    return str(connection.getresponse().getheader("set-cookie")).partition(";")[0]


def page_ms(port: int, cookie: str, path: str) -> float:
    """Returns the median time of a page, asked for again and again; the first is not counted."""
    times = []
    for _ in range(ASKED + 1):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        times.append(1e3 * (time.perf_counter() - began))
        assert answer.status == 200, (path, answer.status)
        connection.close()
    return statistics.median(times[1:])


async def follow(port: int, cookie: str, run: str, heard: list[float], ready: asyncio.Event) -> None:
    """Follows a run, and notes how late each event was."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(
        f"GET /runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    try:
        while line := await reader.readline():
            ready.set()
            if line.startswith(b"data: ") and b"says" in line:
                sent = float(json.loads(line[6:])["says"].rpartition(" ")[2])
                heard.append(1e3 * (time.time() - sent))
    finally:
        writer.close()


async def watched(port: int, cookie: str, folder: Path, watchers: int) -> tuple[float, int]:
    """Returns the p99 of the delays in ms, and how many events somebody did not hear."""
    heard: list[float] = []
    ready = [asyncio.Event() for _ in range(watchers)]
    tasks = [asyncio.create_task(follow(port, cookie, folder.name, heard, each)) for each in ready]
    await asyncio.gather(*(each.wait() for each in ready))
    with (folder / "events.jsonl").open("ab", buffering=0) as file:
        for number in range(EVENTS):
            event = TrialNoted(t_s=0, trial=f"b{number}", kind="step", name=f"{time.time():.6f}")
            file.write(msgspec.json.encode(event) + b"\n")
            await asyncio.sleep(EVERY_S)
    for _ in range(100):
        if len(heard) >= EVENTS * watchers:
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return float(np.percentile(heard, 99)), EVENTS * watchers - len(heard)


async def ended(port: int, cookie: str, folder: Path, watchers: int, process: subprocess.Popen[str]) -> float:
    """Returns how long the server takes to end, in s, while all of them listen."""
    ready = [asyncio.Event() for _ in range(watchers)]
    tasks = [asyncio.create_task(follow(port, cookie, folder.name, [], each)) for each in ready]
    await asyncio.gather(*(each.wait() for each in ready))
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    await asyncio.to_thread(process.wait, 60)
    took = time.perf_counter() - began
    await asyncio.gather(*tasks, return_exceptions=True)
    return took


def memory_mb(pid: int) -> float:
    """Returns the server's proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    sys.exit(main())
