"""What is asked of a load, made into its plan.

Without a rate, other arrivals or `closed`, it is an open loop at 100/s: enough to see percentiles, too
little to hurt.
"""

from __future__ import annotations

import math
import secrets
from pathlib import Path

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.options.addresses import is_loopback
from hinterland.load.options.connection_use import check_identity, connection_use
from hinterland.load.options.declared import OPTIONS, Asked
from hinterland.load.options.requests import mix_of
from hinterland.load.options.rules import above_zero, at_least_zero, file_of, together
from hinterland.load.options.target import elsewhere
from hinterland.load.options.target import target as target_of
from hinterland.load.plan.arrivals import examine_first
from hinterland.load.plan.plan import Arrivals, Data, LoadPlan, Target

DEFAULT_RATE_PER_S = 100.0
DEFAULT_DURATION_S = 10.0
DEFAULT_CONNECTIONS = 64
NO_END_S = 24 * 3600.0
"""How long a load with a count and no duration may take."""
MOST_CONNECTIONS = 1_000_000


def plan(url: str, asked: Asked) -> LoadPlan:
    """Returns the plan of a load. Raises UsageError with the value, the rule and the next step."""
    target = elsewhere(target_of(url, asked.http), asked.connect_to, asked.unix_socket)
    _whole(asked)
    check_identity(asked, target)
    arrivals = _arrivals(asked, target)
    multiplexed, mode = connection_use(asked, target)
    connections = DEFAULT_CONNECTIONS if asked.connections is None else asked.connections
    listens = asked.subscribe or target.traits.subscribes == "only"
    made = LoadPlan(
        target=target,
        model="closed" if asked.closed else "open",
        arrivals=arrivals,
        connections=connections,
        multiplexed=multiplexed,
        mode=mode,  # type: ignore[arg-type]
        duration_s=_duration_s(asked, arrivals),
        subscribe=listens,
        data=_data(asked),
        seed=secrets.randbits(31) if asked.seed is None else asked.seed,
        **{option.kept: option.keep(getattr(asked, name)) for name, option in OPTIONS.items() if option.kept},
    )
    return replace(made, mix=mix_of(asked, target))


def plan_here(url: str, asked: Asked, *, linked: bool = False) -> LoadPlan:
    """Returns the plan of a load within this machine, where nobody has to be asked for consent.

    `linked`: its sockets are made in a host of a link, which leads nowhere else. Raises UsageError for
    another address.
    """
    made = plan(url, asked)
    if not (linked or made.target.unix_socket or _is_here(made.target.host)):
        raise UsageError(
            f"{made.target.host} is not this machine.", "Load a server of this trial: 127.0.0.1."
        )
    return made


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or is_loopback(host)
    except ValueError:  # A name.
        return False


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
    if asked.subscribe or target.traits.subscribes == "only":
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
        start, end = (at_least_zero("ramp", each) for each in asked.ramp)
        if not max(start, end):
            raise UsageError("ramp=0..0 must reach more than 0.", "Such as 100..2k.")
        return Arrivals(shape="ramp", rate_per_s=start, to_per_s=end, jittered=asked.poisson)
    if asked.steps:
        steps = tuple(
            (at_least_zero("steps", rate), above_zero("steps", span_s)) for rate, span_s in asked.steps
        )
        return Arrivals(shape="steps", steps=steps, jittered=asked.poisson)
    if asked.trace is not None:
        return _trace(asked)
    rate = DEFAULT_RATE_PER_S if asked.rate is None else above_zero("rate", asked.rate)
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
        return above_zero("duration", asked.duration_s)
    if arrivals.shape == "trace":
        return math.nextafter(arrivals.times_s[-1], math.inf) if arrivals.times_s else NO_END_S
    return DEFAULT_DURATION_S if asked.count is None else NO_END_S


def _data(asked: Asked) -> Data:
    zipf = 0.0 if asked.zipf is None else at_least_zero("zipf", asked.zipf)
    return Data(rows=file_of("data", asked.data), keys=asked.keys or Data().keys, zipf=zipf)
