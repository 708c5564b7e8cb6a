"""HTTP/2 over one connection with 100 streams under way, one core: this engine and h2load, in turns."""

from __future__ import annotations

import math
import shutil
from collections.abc import AsyncIterator
from statistics import median

from benchmarks.load import peers
from benchmarks.load.bench import HOST, SAME, Bench
from benchmarks.load.row import Row, judged, ratio

GROUP = "http2"
STREAMS, TARGET, FEWEST_PAIRS = 100, 0.5, 3


async def rows(bench: Bench, repeats: int, attempts: int, turn_s: int) -> AsyncIterator[Row]:
    """Yields both rates and their ratio."""
    ours, theirs, logs, void = [], [], [], 0
    here = shutil.which("h2load") is not None
    asked = bench.plan(
        port=bench.http2_port,
        protocol="http2",
        model="closed",
        connections=1,
        multiplexed=STREAMS,
        duration_s=float(turn_s),
    )
    for _ in range(attempts):
        result, delays = await bench.load(asked)
        if result.errors or set(result.statuses) != {"200"}:
            raise peers.Misread(f"nginx did not answer each request: {result.errors} {result.statuses}")
        ours.append(result.reached_per_s)
        if not here:
            continue
        page, peer_delays = await bench.peer(
            peers.h2load(f"http://{HOST}:{bench.http2_port}{SAME}", STREAMS, turn_s)
        )
        theirs.append(peers.h2load_rate(page))
        if delays.void or peer_delays.void:
            void += 1
            continue
        logs.append(math.log(ours[-1] / theirs[-1]))
        if len(logs) >= repeats:
            break
    yield Row(
        GROUP, f"engine, {STREAMS} streams", f"{median(ours):>9,.0f} requests/s (median of {len(ours)})"
    )
    target = f"at least {TARGET:g} x"
    if not here:
        yield Row(GROUP, "against h2load", "not on PATH (Debian: nghttp2-client)", target, "absent")
        return
    yield Row(
        GROUP, "h2load", f"{median(theirs):>9,.0f} requests/s (median of {len(theirs)}; {void} pairs void)"
    )
    found = ratio(logs)
    if found is None:
        yield Row(GROUP, "against h2load", "no undisturbed pair of turns", target, "void")
        return
    word = judged(found.centre >= TARGET, void=len(logs) < FEWEST_PAIRS)
    yield Row(GROUP, "against h2load", f"{found} x", target, word)
