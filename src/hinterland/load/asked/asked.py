"""A load as a person asks for it, on the command line or from Python, made into a plan.

Without a rate, other arrivals or `closed`, it is an open loop at 100/s: enough to see percentiles, too
little to hurt.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.asked.asked_requests import mix_of
from hinterland.load.asked.asked_rules import file_of, together
from hinterland.load.asked.connection_use import check_identity, connection_use
from hinterland.load.asked.target import elsewhere
from hinterland.load.asked.target import target as target_of
from hinterland.load.plan import words as load_words
from hinterland.load.plan.arrivals import examine_first
from hinterland.load.plan.plan import (
    Arrivals,
    Data,
    LoadPlan,
    Objective,
    Scheduler,
    Target,
    Weighted,
)

DEFAULT_RATE_PER_S = 100.0
DEFAULT_DURATION_S = 10.0
DEFAULT_CONNECTIONS = 64
NO_END_S = 24 * 3600.0
"""How long a load with a count and no duration may take."""
HTTP = ("http1", "http2", "http3", "event_stream")
HEADERS = (*HTTP, "websocket")
MOST_CONNECTIONS = 1_000_000
SCHEDULERS = ("spin", "timerfd", "tick")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What may be asked of a load, besides its URL. Rates are a second; None and empty mean: not asked.

    ramp: from and to. steps: (rate, duration_s) pairs. trace: a file, or offsets in s from the start.
    poisson: at random moments; also of a ramp and of steps. request: texts such as `3:GET /a`, or
    `Weighted`. check, extract, objectives: texts, such as `status = 200`, `id=json:items.0.id`, `p99 <
    50ms`. http: `1.1`, `2` or `3`.
    """

    rate: float | None = None
    poisson: bool = False
    ramp: tuple[float, float] | None = None
    steps: Sequence[tuple[float, float]] = ()
    trace: str | Path | Sequence[float] | None = None
    closed: bool = False
    duration_s: float | None = None
    count: int | None = None
    warm_up_s: float = 0.0
    seed: int | None = None
    connections: int | None = None
    http: str | None = None
    streams: int | None = None
    pipelining: int | None = None
    new_connections: bool = False
    subscribe: bool = False
    follow: bool = False
    timeout_s: float = 10.0
    ca: str | Path | None = None
    insecure: bool = False
    cert: str | Path | None = None
    key: str | Path | None = None
    connect_to: str | None = None
    unix_socket: str | Path | None = None
    method: str | None = None
    header: Sequence[str] | dict[str, str] = ()
    body: str | None = None
    body_file: str | Path | None = None
    request: Sequence[str | Weighted] = ()
    requests: str | Path | None = None
    scenario: str | Path | None = None
    data: str | Path | None = None
    keys: int | None = None
    zipf: float | None = None
    check: Sequence[str] = ()
    extract: Sequence[str] = ()
    objectives: Sequence[str | Objective] = ()
    processes: int | None = None
    scheduler: str | None = None
    sources: int = 1


NAMES = tuple(field.name for field in fields(Asked))


def plan(url: str, asked: Asked) -> LoadPlan:
    """Returns the plan of a load. Raises UsageError with the value, the rule and the next step."""
    target = elsewhere(target_of(url, asked.http), asked.connect_to, asked.unix_socket)
    _whole(asked)
    check_identity(asked, target)
    arrivals = _arrivals(asked, target)
    multiplexed, mode = connection_use(asked, target)
    connections = DEFAULT_CONNECTIONS if asked.connections is None else asked.connections
    listens = asked.subscribe or target.protocol == "event_stream"
    made = LoadPlan(
        target=target,
        model="closed" if asked.closed else "open",
        arrivals=arrivals,
        connections=connections,
        multiplexed=multiplexed,
        mode=mode,  # type: ignore[arg-type]
        duration_s=_duration_s(asked, arrivals),
        count=asked.count,
        warm_up_s=_at_least_zero("warm-up", asked.warm_up_s),
        timeout_s=_above_zero("timeout", asked.timeout_s),
        scheduler=_scheduler(asked.scheduler),
        processes=asked.processes or 0,
        sources=asked.sources,
        subscribe=listens,
        follow=asked.follow,
        data=_data(asked),
        scenario=file_of("scenario", asked.scenario),
        verify_tls=not asked.insecure,
        ca_file=file_of("ca", asked.ca),
        cert_file=file_of("cert", asked.cert),
        key_file=file_of("key", asked.key),
        seed=secrets.randbits(31) if asked.seed is None else asked.seed,
        objectives=tuple(
            load_words.parse_objective(one) if isinstance(one, str) else one for one in asked.objectives
        ),
    )
    return replace(made, mix=mix_of(asked, target))


def _whole(asked: Asked) -> None:
    """Raises UsageError for numbers out of bounds and for options that can't stand together."""
    for name, value, most in (
        ("connections", asked.connections, MOST_CONNECTIONS),
        ("count", asked.count, None),
        ("streams", asked.streams, None),
        ("pipelining", asked.pipelining, None),
        ("keys", asked.keys, None),
        ("processes", asked.processes, 256),
        ("sources", asked.sources, 60_000),
    ):
        if value is not None and (value < 1 or (most is not None and value > most)):
            bounds = "at least 1" if most is None else f"between 1 and {most:,}"
            raise UsageError(f"{name}={value} must be {bounds}.", f"Or leave {name} out.")
    if asked.closed:
        pairs = (
            ("rate", asked.rate),
            ("poisson", asked.poisson),
            ("ramp", asked.ramp),
            ("trace", asked.trace),
        )
        for name, given in (*pairs, ("steps", asked.steps or None)):
            if given not in (None, False):
                raise UsageError(
                    f"closed and {name} can't stand together: a closed loop sends when it was answered, "
                    "not on a schedule.",
                    f"Leave out {name} for the closed loop, or closed for the open one.",
                )
    together("body", asked.body, "body-file", asked.body_file)
    together("insecure", asked.insecure or None, "ca", asked.ca)
    together("streams", asked.streams, "pipelining", asked.pipelining)
    together("new-connections", asked.new_connections or None, "pipelining", asked.pipelining)


def _arrivals(asked: Asked, target: Target) -> Arrivals:
    shapes = {"rate": asked.rate, "ramp": asked.ramp, "steps": asked.steps or None, "trace": asked.trace}
    given = [name for name, value in shapes.items() if value is not None]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(given)} can't stand together: each says when operations are due.", "Give one."
        )
    if asked.subscribe or target.protocol == "event_stream":
        if given or asked.poisson or asked.closed:
            name = next(iter(given), "poisson" if asked.poisson else "closed")
            raise UsageError(
                f"{name} does not go with a load that listens: its events come when the server sends them.",
                f"Leave {name} out; connections says how many listen.",
            )
        return Arrivals()
    if asked.closed:
        return Arrivals()
    if asked.ramp is not None:
        start, end = (_at_least_zero("ramp", each) for each in asked.ramp)
        if not max(start, end):
            raise UsageError("ramp=0..0 must reach more than 0.", "Such as 100..2k.")
        return Arrivals(shape="ramp", rate_per_s=start, to_per_s=end, jittered=asked.poisson)
    if asked.steps:
        steps = tuple(
            (_at_least_zero("steps", rate), _above_zero("steps", span_s)) for rate, span_s in asked.steps
        )
        return Arrivals(shape="steps", steps=steps, jittered=asked.poisson)
    if asked.trace is not None:
        return _trace(asked)
    rate = DEFAULT_RATE_PER_S if asked.rate is None else _above_zero("rate", asked.rate)
    return Arrivals(shape="poisson" if asked.poisson else "constant", rate_per_s=rate)


def _trace(asked: Asked) -> Arrivals:
    if asked.poisson:
        raise UsageError("poisson does not go with trace, which says every moment.", "Leave one of them out.")
    if isinstance(asked.trace, str | Path):
        return Arrivals(shape="trace", file=file_of("trace", asked.trace))
    times = tuple(float(each) for each in asked.trace or ())
    if not times or min(times) < 0 or not all(map(math.isfinite, times)):
        raise UsageError(
            "trace must be times in s from the start, 0 or later, at least one.", "Such as [0, 0.5, 0.7]."
        )
    if times:
        examine_first(min(times), f"trace: {min(times):.10g}")
    return Arrivals(shape="trace", times_s=tuple(sorted(times)))


def _duration_s(asked: Asked, arrivals: Arrivals) -> float:
    """Returns for how long operations are due: what was asked, what the arrivals say, else 10 s."""
    if arrivals.shape == "steps":
        if asked.duration_s is not None:
            raise UsageError("duration does not go with steps, which have their own.", "Leave it out.")
        return sum(span_s for _, span_s in arrivals.steps)
    if asked.duration_s is not None:
        return _above_zero("duration", asked.duration_s)
    if arrivals.shape == "trace":
        return math.nextafter(arrivals.times_s[-1], math.inf) if arrivals.times_s else NO_END_S
    return DEFAULT_DURATION_S if asked.count is None else NO_END_S


def _scheduler(name: str | None) -> Scheduler | None:
    if name is not None and name not in SCHEDULERS:
        raise UsageError(
            f"scheduler={name} must be spin, timerfd or tick.", "Or leave it out: it is chosen by itself."
        )
    return name  # type: ignore[return-value]


def _data(asked: Asked) -> Data:
    zipf = 0.0 if asked.zipf is None else _at_least_zero("zipf", asked.zipf)
    return Data(rows=file_of("data", asked.data), keys=asked.keys or Data().keys, zipf=zipf)


def _above_zero(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name}={value:g} must be above 0.", f"Or leave {name} out.")
    return float(value)


def _at_least_zero(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{name}={value:g} must be 0 or more.", f"Or leave {name} out.")
    return float(value)
