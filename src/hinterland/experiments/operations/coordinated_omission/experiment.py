"""Lets a server stand still under load, and asks several observers for its p99."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    Assumption,
    History,
    LoadSample,
    Nginx,
    Outcome,
    Trial,
    assume,
    nginx,
    standstills,
)

LOAD_S, STALL_AT_S, PATIENCE_S = 1.0, 0.4, 20
LEAST_MS = 5.0  # A machine that others use stands still that long by itself: less is not told apart.
STEADY_MS = 20  # Little beside a stall of 250.
QUEUE_GONE_NS = 100_000_000  # By then those whom the stall kept waiting have their answers.
FEWEST_COUNTED = 0.25
UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
Span = tuple[int, int]
Mask = NDArray[np.bool_]
LOOPS = ("closed_loop", "open_from_sending", "open_from_due")


async def trial(t: Trial) -> None:
    t.phase("prepare")
    server = await t.start(nginx('return 200 "ok\\n";'))
    async with t.rig.standstills() as machine:
        t.phase("measure")
        stall = asyncio.create_task(stand_still(t, server))
        try:
            if t["observer"] in LOOPS:
                await loop(t, server)
            else:
                t.reading("printed", await tool(t, server))
        finally:
            await stall
    t.reading("machine_stood_still", machine.spans)


async def stand_still(t: Trial, server: Nginx) -> None:
    """Stops the server in the middle of the load, and lets it go on."""
    if not t["stall_ms"]:
        return
    await asyncio.sleep(STALL_AT_S)
    await t.rig.pause(server.process)
    await asyncio.sleep(t["stall_ms"] / 1e3)
    await t.rig.resume(server.process)


async def loop(t: Trial, server: Nginx) -> None:
    """Lets a loop of this engine record what it sees."""
    asked: dict[str, Any] = {"connections": t["connections"], "duration_s": LOAD_S}
    asked |= {"closed": True} if t["observer"] == "closed_loop" else {"rate": t["rate_per_s"]}
    await t.load("requests", server.port, **asked)


async def tool(t: Trial, server: Nginx) -> str:
    """Returns what a tool printed, or the log of h2load, which prints no percentile."""
    connections, log = t["connections"], t.scratch / "times.txt"
    words: list[Any] = {
        "wrk": ["-t1", f"-c{connections}", "-d1s", "--latency", f"{server.url}/"],
        "ab": ["-q", "-k", "-c", connections, "-t", 1, "-n", 10_000_000, f"{server.url}/"],
        "h2load": ["--h1", "-t1", f"-c{connections}", "-D1", f"--log-file={log}", f"{server.url}/"],
    }[t["observer"]]
    process = await t.start(str(t["observer"]), *words)
    if await process.wait(PATIENCE_S) != 0:
        raise process.failure("ended before it was done.")
    if t["observer"] != "h2load":
        return process.log()
    # Start, status and time of each request: the start is of no use here, and the log is long. Its last line
    # may be cut short.
    rows = (line.split() for line in log.read_text().splitlines())
    return "\n".join(row[2] for row in rows if len(row) == 3)


def outcome(h: History) -> Outcome:
    observer = str(h.treatment["observer"])
    stalls = stalls_ns(h)
    steady: tuple[Assumption, ...] = ()
    if observer in LOOPS:
        sample = h.loads["requests"]
        # A record from before it was kept has none.
        left_alone = ~standstills.kept_waiting(sample, h.readings.get("machine_stood_still", []))
        in_stall = touched(sample, stalls)
        metrics = of_loop(sample, observer, stalls, counted=in_stall | left_alone)
        steady = (beside(sample, counted=~in_stall & left_alone, of=~in_stall),)
    else:
        metrics = READERS[observer](h.readings["printed"])
    if stalls:
        stall_s = (stalls[0][1] - stalls[0][0]) / 1e9
        # Of requests spread evenly over a second, a stall of S seconds keeps a share S waiting, up to S.
        metrics["truth_ms"] = 1e3 * (stall_s - 0.01 * LOAD_S)
    asked = float(h.treatment["stall_ms"]) > 0
    stood = assume(
        "the server stood still once, where it was to",
        len(stalls) == int(asked),
        f"{len(stalls)} stalls",
        name="stood_still",
    )
    return Outcome(metrics=metrics, assumptions=(stood, *steady))


def stalls_ns(h: History) -> list[Span]:
    """Returns when the server stood still: from the moment all of it had stopped until it went on."""
    begun, ended = h.faults("pause"), h.faults("pause", "end")
    return [(one.t_ns, other.t_ns) for one, other in zip(begun, ended, strict=False)]


def of_loop(sample: LoadSample, observer: str, stalls: list[Span], counted: Mask) -> dict[str, float]:
    """Returns what a loop reports: from the moment of sending, or from the moment that was due."""
    times_ms = sample.response_ms if observer == "open_from_due" else sample.service_ms
    metrics = reported(times_ms[counted])
    metrics["told_p99_ms"] = max(metrics["p99_ms"], LEAST_MS)
    for begun, ended in stalls:
        metrics["asked_in_stall"] = float(np.sum((sample.sent_ns >= begun) & (sample.sent_ns < ended)))
    return metrics


def touched(sample: LoadSample, stalls: list[Span]) -> Mask:
    """Returns which requests the stall kept waiting, or may have."""
    found = np.zeros(len(sample.sent_ns), bool)
    for begun, ended in stalls:
        found |= (sample.done_ns >= begun) & (sample.intended_ns <= ended + QUEUE_GONE_NS)
    return found


def beside(sample: LoadSample, counted: Mask, of: Mask) -> Assumption:
    """Returns the assumption that nothing else stood still: by the requests that the stall did not touch."""
    share = counted.sum() / max(1, of.sum())
    p99_ms = reported(sample.response_ms[counted])["p99_ms"] if counted.any() else np.inf
    return assume(
        f"{FEWEST_COUNTED:.0%} or more of the requests beside the stall did not wait for the machine, "
        f"and 99 % of those were answered within {STEADY_MS} ms",
        bool(share >= FEWEST_COUNTED and p99_ms <= STEADY_MS),
        f"{share:.0%}, {p99_ms:.1f} ms",
        timed=True,
        name="steady_beside_it",
    )


def reported(times_ms: np.ndarray[Any, Any]) -> dict[str, float]:
    """Returns the figures of a report from all its times."""
    return {
        "p99_ms": float(np.percentile(times_ms, 99, method="inverted_cdf")),
        "mean_ms": float(times_ms.mean()),
        "longest_ms": float(times_ms.max()),
    }


def of_wrk(printed: str) -> dict[str, float]:
    """Reads `Latency  25.66ms  60.18ms  253.00ms  86.76%` and `99%  240.39ms`."""
    figure = r"([\d.]+)(us|ms|s)\b"
    mean, _, most = re.findall(figure, line_with(printed, r"^\s*Latency\s+\d"))
    p99 = re.findall(figure, line_with(printed, r"^\s*99%"))[0]
    names = ("p99_ms", "mean_ms", "longest_ms")
    found = zip(names, (p99, mean, most), strict=True)
    return {name: float(number) * UNITS_MS[unit] for name, (number, unit) in found}


def of_ab(printed: str) -> dict[str, float]:
    """Reads `Total: 0 1 8.2 1 253` (least, mean, deviation, median, most) and `99% 3`, in ms."""
    total = line_with(printed, r"^Total:").split()
    p99 = line_with(printed, r"^\s*99%").split()[1]
    # ab prints whole milliseconds: less than one is printed as 0, and counted as a half.
    return {
        "p99_ms": float(p99) or 0.5,
        "mean_ms": float(total[2]) or 0.5,
        "longest_ms": float(total[5]),
    }


def of_h2load(printed: str) -> dict[str, float]:
    """Reads one time in microseconds a line."""
    return reported(np.array(printed.split(), float) / 1e3)


READERS = {"wrk": of_wrk, "ab": of_ab, "h2load": of_h2load}


def line_with(printed: str, pattern: str) -> str:
    """Returns the first line that matches. Raises ValueError where a tool printed no such line."""
    found = re.search(pattern + r".*$", printed, re.MULTILINE)
    if found is None:
        raise ValueError(f"the tool printed no line like {pattern!r}")
    return found.group()
