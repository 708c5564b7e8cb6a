"""How many requests a second one core sends in a closed loop: this engine and its peers, in turns."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.load.bench import CONNECTIONS, DIFFERENT, HOST, SAME, Bench, Delays
from benchmarks.load.peers import PEERS, Misread, Peer
from benchmarks.load.row import Ratio, Row, judged, ratio
from hinterland.load.plan.notation import parse_check
from hinterland.load.plan.plan import RequestPlan, Weighted

GROUP = "rate"
CHECKED = RequestPlan(path=SAME, checks=(parse_check("status = 200"), parse_check("length = 0")))
MAIN, PLAIN = "engine", "engine, no checks of its own"
OURS = {
    MAIN: CHECKED,
    PLAIN: RequestPlan(path=SAME),
    "engine, answers all differ": RequestPlan(path=DIFFERENT),
}
"""Each sees to every answer's status and to its being as long as it says. The first is told the status and
the length to expect, too, as a person may ask it to."""
# Slow to start, and so far from the target that fewer turns decide.
SLOW = ("k6", "locust")
FEWEST_PAIRS = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """One generator's turn."""

    generator: str
    repeat: int
    rate_per_s: float
    cpu_us: float
    delays: Delays


async def rows(bench: Bench, repeats: int, attempts: int, turn_s: int) -> AsyncIterator[Row]:
    """Yields the medians, and the ratio to each peer from the turns in pairs."""
    turns: list[Turn] = []
    peers = [peer for peer in PEERS if peer.here]
    for repeat in range(attempts):
        names: list[str | Peer] = [*OURS, *peers]
        if repeat >= FEWEST_PAIRS:
            names = [name for name in names if not (isinstance(name, Peer) and name.name in SLOW)]
        # Whoever goes first this time goes last the next.
        order = names if repeat % 2 == 0 else names[::-1]
        turns += [await _turn(bench, name, repeat, turn_s) for name in order]
        if all(len(_sound(turns, name)) >= repeats for name in (*OURS, "wrk") if _of(turns, name)):
            break
    for name in OURS:
        yield _median_row(turns, name)
    for peer in PEERS:
        if not peer.here:
            yield Row(GROUP, f"against {peer.name}", "not on PATH", f"at least {peer.least:g} x", "absent")
            continue
        yield _median_row(turns, peer.name)
        yield _ratio_row(turns, peer)
        if peer.name == "wrk":
            found = _paired(turns, PLAIN, "wrk")
            yield Row(GROUP, "  the same, no checks of its own", f"{found} x" if found else "no pair")


async def _turn(bench: Bench, name: str | Peer, repeat: int, turn_s: int) -> Turn:
    if isinstance(name, Peer):
        url = f"http://{HOST}:{bench.nginx.port}{SAME}"
        page, delays = await bench.peer(name.command(url, CONNECTIONS, turn_s, bench.scratch))
        rate_per_s = name.rate(page, bench.scratch)
        return Turn(name.name, repeat, rate_per_s, delays.cpu_s * 1e6 / (rate_per_s * turn_s), delays)
    mix = (Weighted(requests=(OURS[name],)),)
    result, delays = await bench.load(bench.plan(model="closed", duration_s=float(turn_s), mix=mix))
    if result.errors or set(result.statuses) != {"200"}:
        raise Misread(f"nginx did not answer each request: {result.errors} {result.statuses}")
    return Turn(name, repeat, result.reached_per_s, delays.cpu_s * 1e6 / result.operations, delays)


def _of(turns: list[Turn], name: str) -> list[Turn]:
    return [turn for turn in turns if turn.generator == name]


def _sound(turns: list[Turn], name: str) -> dict[int, Turn]:
    return {turn.repeat: turn for turn in _of(turns, name) if not turn.delays.void}


def _median_row(turns: list[Turn], name: str) -> Row:
    sound, tried = list(_sound(turns, name).values()), _of(turns, name)
    used = sound or tried
    rate, cpu_us = (median(values) for values in zip(*((t.rate_per_s, t.cpu_us) for t in used), strict=True))
    void = f"{len(tried) - len(sound)} of {len(tried)} void"
    return Row(
        GROUP,
        name,
        f"{rate:>9,.0f} requests/s, {cpu_us:5.2f} us of CPU each ({void})",
        detail={"turns": [asdict(turn) for turn in tried]},
    )


def _ratio_row(turns: list[Turn], peer: Peer) -> Row:
    found = _paired(turns, MAIN, peer.name)
    target = f"at least {peer.least:g} x"
    if found is None:
        return Row(GROUP, f"against {peer.name}", "no undisturbed pair of turns", target, "void")
    word = judged(found.centre >= peer.least, void=found.pairs < FEWEST_PAIRS)
    return Row(GROUP, f"against {peer.name}", f"{found} x", target, word, asdict(found))


def _paired(turns: list[Turn], ours: str, theirs: str) -> Ratio | None:
    """Returns the ratio of two generators from the repeats in which neither was disturbed."""
    first, second = _sound(turns, ours), _sound(turns, theirs)
    pairs = sorted(first.keys() & second.keys())
    return ratio([math.log(first[each].rate_per_s / second[each].rate_per_s) for each in pairs])
