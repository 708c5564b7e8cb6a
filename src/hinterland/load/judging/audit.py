"""Whether a load's figures are the server's, or the generator was the limit: judged from what it measured.

A fault voids the run: no figure of it says anything about the server. Advice without a fault is what a
reader should know before comparing figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from msgspec import structs

from hinterland.load.result.result import GeneratorAudit, GeneratorProcess, LoadResult, Stall
from hinterland.statistics.histogram import Histogram

LATE_MS = 10.0
"""A generator is late when one operation in a hundred is noticed more than 10 ms after it was due, whatever
the server: requests that are sent in heaps are another load than the one asked for."""
LATE_PART = 1 / 3
"""It is late, too, when its lateness is more than a third of the response time shown beside it ..."""
HALF_LATE_MATTERS_MS, LATE_MATTERS_MS = 0.1, 0.25
"""... and more than this at the median, or at the highest percentile, below which a kernel's
wake-up says more than a server."""

RUN_DELAY_SHARE = 0.05
"""A process of the generator that waited for a core for more than 5 % of the time did not keep its
schedule."""
JUDGED = (0.99, 0.95, 0.9, 0.75, 0.5)
LEAST_BEYOND = 10
"""The highest of these percentiles that so many operations lie beyond is judged: it is the one that is shown.
Stalls that take more than 1 % of the time reach the 99th percentile, 5 % the 95th."""
BUSY_SHARE = 0.95
"""A process that is busy for more than 95 % of the time has no room left: what it sends is what it can."""
NEVER_CAME = ("unsent", "unfinished")
"""Operations that had not ended when the load did."""
RATE_SHORT = 0.98
"""The rate asked was not reached when fewer than 98 % of the operations were answered as they came."""
LITTLE_SHARE, LITTLE_LEAST = 0.25, 1.0
"""Operations under way must agree with rate x time in the system within 25 %, give or take one operation."""
MISSING_SHARE = 0.01
"""With more missing answers than this, time in the system is not known, and Little's law says nothing."""

Found = tuple[str, str]
"""A fault and the advice that goes with it; an empty fault where it is advice alone."""


def judge(
    result: LoadResult, *, server_cpu_share: float | None = None, limit_s: float = 0.0
) -> GeneratorAudit:
    """Returns the audit of `result` with its faults and advice filled in anew.

    server_cpu_share: of the cores that the server may use, the share that it did; None where nobody knows.
    In a closed loop a saturated generator is no fault where the server is as saturated. limit_s: the response
    time that the load is held against, 0 for none: lateness far below that decides nothing.
    """
    found: list[Found] = list(_late(result, limit_s))
    for check in _CHECKS:
        found += check(result)
    found += _saturated(result, server_cpu_share)
    faults = tuple(dict.fromkeys(fault for fault, _ in found if fault))
    advice = tuple(dict.fromkeys(advice for _, advice in found if advice))
    return structs.replace(result.generator, faults=faults, advice=advice)


def _late(result: LoadResult, limit_s: float) -> Iterator[Found]:
    if result.generator.lateness is None:
        return
    late, response = Histogram.from_counts(result.generator.lateness), Histogram.from_counts(result.response)
    if not late.operations:
        return
    highest = _highest(min(late.operations, response.operations))
    for q in sorted({0.5, highest} if highest else ()):
        matters_ms = HALF_LATE_MATTERS_MS if q == 0.5 else LATE_MATTERS_MS
        late_ms, response_ms = late.percentile(q) * 1e3, response.percentile(q) * 1e3
        name = f"p{q * 100:g}"
        if q == highest and late_ms > LATE_MS:
            yield (
                f"{name} lateness {_ms(late_ms)}: it did not keep its schedule (at most {LATE_MS:g} ms)",
                _sooner(result),
            )
        elif (
            late_ms > matters_ms
            and isfinite(response_ms)
            and late_ms > LATE_PART * max(response_ms, limit_s * 1e3)
        ):
            yield (
                f"{name} lateness {_ms(late_ms)} is {late_ms / response_ms:.0%} of the {name} response time "
                f"{_ms(response_ms)}: that time is the generator's",
                _sooner(result),
            )


def _highest(operations: int) -> float | None:
    """Returns the highest percentile that enough operations lie beyond; None for too few for any."""
    return next((q for q in JUDGED if (1 - q) * operations >= LEAST_BEYOND * (1 - 1e-9)), None)


def _sooner(result: LoadResult) -> str:
    """What makes a generator of this scheduler less late."""
    if _without_core(result):
        return _room(result)
    schedulers = {process.scheduler for process in result.generator.processes}
    if "tick" in schedulers:
        return "--scheduler timerfd, or spin where a core is free: a tick is a millisecond"
    if "timerfd" in schedulers:
        return "--scheduler spin, with a core that the server does not use"
    return "more processes (--processes), or a core of its own for each: pin the server to others"


def _without_core(result: LoadResult) -> list[GeneratorProcess]:
    return [each for each in result.generator.processes if each.run_delay_share > RUN_DELAY_SHARE]


def _room(result: LoadResult) -> str:
    """What gives processes that wait for cores more of them: never more processes, nor ones that spin."""
    processes = result.generator.processes
    fewer = "use fewer --processes, " if len(processes) > 1 else ""
    spins = any(process.scheduler == "spin" for process in processes)
    sleep = ", or --scheduler timerfd, which needs no core of its own" if spins else ""
    return f"leave it a core: pin the server elsewhere (taskset), {fewer}end other programs{sleep}"


def _delayed(result: LoadResult) -> Iterator[Found]:
    found = _without_core(result)
    if not found:
        return
    worst = max(found, key=lambda process: process.run_delay_share)
    share, most = f"{worst.run_delay_share:.1%} of the time", f"at most {RUN_DELAY_SHARE:.0%}"
    if len(found) == 1:
        says = f"process {worst.number} waited for a core for {share} ({most})"
    else:
        says = (
            f"{len(found)} of {len(result.generator.processes)} processes waited for a core too long, "
            f"process {worst.number} the longest: {share} ({most})"
        )
    yield (says, _room(result))


def _stalled(result: LoadResult) -> Iterator[Found]:
    processes = max(1, len(result.generator.processes))
    stalls, audit = result.generator.stalls, result.generator
    if audit.stall_count <= len(stalls):
        # A load that ends with its last answer may stand still behind that, which nobody waited for.
        within = [(stall, within_s) for stall in stalls if (within_s := _within_s(stall, result)) > 0]
        stalls, count = tuple(stall for stall, _ in within), len(within)
        stalled_s = sum(within_s for _, within_s in within)
    else:
        count, stalled_s = audit.stall_count, audit.stalled_s
    share = min(1.0, stalled_s / max(result.window_s, 1e-9) / processes)
    highest = _highest(result.operations) or JUDGED[-1]
    most = 1 - highest
    if share > most:
        longest = max(stall.lasted_ms for stall in stalls)
        yield (
            f"it stood still {_times(count)}, for {share:.1%} of the time "
            f"(at most {most:.0%}; the longest {_ms(longest)}): that reaches p{highest * 100:g}",
            "run it again on a quiet machine; on a virtual one, look for steal time",
        )
    elif stalls:
        longest = max(stall.lasted_ms for stall in stalls)
        yield (
            "",
            f"the generator stood still {_times(count)}, at most for {_ms(longest)}: "
            f"percentiles above p{100 * (1 - share):.4g} are not the server's alone",
        )


def _within_s(stall: Stall, result: LoadResult) -> float:
    """Returns how much of a stall lies in the measured time."""
    begins_s = result.plan.warm_up_s
    ends_s = begins_s + result.window_s
    return min(ends_s, stall.at_s + stall.lasted_ms / 1e3) - max(begins_s, stall.at_s)


def _saturated(result: LoadResult, server_cpu_share: float | None) -> Iterator[Found]:
    """Whether it could not send more: then the rate is its own, not the server's."""
    processes = result.generator.processes
    if result.plan.model == "closed":
        full = [process for process in processes if process.cpu_share > BUSY_SHARE]
        if not full or (server_cpu_share is not None and server_cpu_share > BUSY_SHARE):
            return
        knows = "" if server_cpu_share is None else f", the server only {server_cpu_share:.0%}"
        yield (
            f"{_counted(len(full))} used {max(each.cpu_share for each in full):.0%} of a core{knows}: "
            "the rate reached is what it can ask, not what the server can answer",
            _room(result)
            if _without_core(result)
            else "more processes (--processes), each with a core; or an open loop (--rate) below this rate",
        )
        return
    full = [process for process in processes if process.busy_share > BUSY_SHARE]
    if not full:
        return
    busiest = max(process.busy_share for process in full)
    if _kept_up(result):
        yield (
            "",
            f"{_counted(len(full))} had work {busiest:.0%} of the time: a higher rate needs "
            f"{'cores that are free' if _without_core(result) else '--processes'}",
        )
    elif result.generator.in_flight_mean < result.plan.connections * result.plan.multiplexed / 2:
        yield (
            f"{_counted(len(full))} had work {busiest:.0%} of the time, and reached "
            f"{result.reached_per_s:,.0f} of {result.asked_per_s or 0:,.0f} operations a second with most "
            "connections idle: the server was not the limit",
            _room(result)
            if _without_core(result)
            else "more processes (--processes), fewer checks, or a lower --rate",
        )


def _kept_up(result: LoadResult) -> bool:
    """Whether answers came as fast as operations were due; those in error came, too.

    An operation of a chain was due as well, so it is not the rate of visits that they must keep up with.
    """
    window_s = max(result.window_s, 1e-9)
    never = sum(result.errors.get(kind, 0) for kind in NEVER_CAME)
    ended = result.reached_per_s + (result.operations - result.answered - never) / window_s
    return ended >= RATE_SHORT * result.operations / window_s


def _unlawful(result: LoadResult) -> Iterator[Found]:
    """Little's law: operations under way are rate x time in the system, or the times are not those of all
    operations."""
    audit = result.generator
    missing = result.operations - result.answered
    # Nobody sends a subscriber's events from here, so none of them is under way.
    if not result.operations or missing / result.operations > MISSING_SHARE or result.plan.subscribe:
        return
    # What was never answered was under way, too, each for its timeout at most.
    unseen = missing * result.plan.timeout_s / max(result.window_s, 1e-9)
    apart = max(audit.little - audit.in_flight_mean, audit.in_flight_mean - audit.little - unseen)
    larger = max(audit.in_flight_mean, audit.little)
    if apart > LITTLE_SHARE * larger + LITTLE_LEAST:
        yield (
            f"Little's law does not hold: {audit.in_flight_mean:.1f} operations were under way, and rate x "
            f"service time is {audit.little:.1f} (at most {LITTLE_SHARE:.0%} apart)",
            "the times do not cover the whole wait: run it longer; if it stays, report a bug",
        )


def _crowded(result: LoadResult) -> Iterator[Found]:
    """Operations that found no connection free: their wait is the server's, and the limit somebody's
    choice."""
    waited = result.generator.waited
    if waited and result.operations:
        lanes = result.plan.connections * result.plan.multiplexed
        what = "connections" if result.plan.multiplexed == 1 else "places on connections"
        yield (
            "",
            f"{waited:,} operations ({waited / result.operations:.1%}) found all {lanes:,} {what} in use and "
            "waited for one; that wait is in their response times. It is the server's slowness at this "
            "limit: raise --connections if your clients would open more",
        )


def _limited(result: LoadResult) -> Iterator[Found]:
    errors = {
        kind: result.errors.get(kind, 0) + result.open_errors.get(kind, 0)
        for kind in ("file_limit", "no_port")
    }
    if errors["file_limit"]:
        yield (
            f"{errors['file_limit']:,} connections could not be opened: "
            "the limit of open files of a process was reached",
            "raise it (ulimit -n), use more --processes, or fewer --connections",
        )
    if errors["no_port"]:
        yield (
            f"{errors['no_port']:,} connections could not be opened: no local port was free",
            "more source addresses (--sources), or fewer new connections: "
            "a closed one keeps its port for a minute",
        )


_CHECKS: tuple[Callable[[LoadResult], Iterator[Found]], ...] = (
    _delayed,
    _stalled,
    _unlawful,
    _crowded,
    _limited,
)


def _counted(processes: int) -> str:
    return "a process" if processes == 1 else f"{processes} processes"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _ms(value_ms: float) -> str:
    return f"{value_ms:.3g} ms" if value_ms < 1000 else f"{value_ms / 1e3:.3g} s"
