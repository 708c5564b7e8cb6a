"""When requests are due: offsets from the start of a load, decided before it begins.

A schedule that is decided beforehand can't wait for the server, which is what makes a loop open. `constant`
and `poisson` give a short one whole; `chunks` gives one of any shape and length, a piece at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hinterland.errors import UsageError
from hinterland.load.plan.arrivals import examine_first
from hinterland.load.plan.plan import Arrivals

Schedule = NDArray[np.int64]
"""Offsets in ns from the start, ascending, the first at 0 or later."""


def constant(rate_per_s: float, duration_s: float) -> Schedule:
    """Returns evenly spaced offsets in ns: one every 1 / rate, the first at 0, all before the duration's end.

    Each is rounded to the nanosecond on its own, so that the error does not add up.
    """
    count = _count(rate_per_s, duration_s)
    return np.rint(np.arange(count, dtype=np.float64) * (1e9 / rate_per_s)).astype(np.int64)


def poisson(rate_per_s: float, duration_s: float, seed: int) -> Schedule:
    """Returns offsets in ns of a Poisson process: independent exponential gaps with mean 1 / rate.

    Many clients who know nothing of each other arrive like that. The number of arrivals is random too,
    with mean rate x duration; the same seed gives the same schedule.
    """
    _count(rate_per_s, duration_s)
    random = np.random.default_rng(seed)
    # Given their number, the arrivals of a Poisson process are uniform over the window.
    offsets = random.uniform(0.0, duration_s * 1e9, random.poisson(rate_per_s * duration_s))
    offsets.sort()
    return np.floor(offsets).astype(np.int64)


CHUNK = 16_384
"""How many arrivals of a process are worked out at once."""


def chunks(
    arrivals: Arrivals,
    duration_s: float,
    *,
    warm_up_s: float = 0.0,
    seed: int = 0,
    count: int | None = None,
    number: int = 0,
    of: int = 1,
) -> Iterator[Schedule]:
    """Yields the offsets in ns of a process's share of the arrivals, in order, a chunk at a time.

    The arrivals last for warm_up_s + duration_s, or until there were `count`. The rate that the shape begins
    with is that of the warm-up; a trace has none of its own. Process `number` of `of` gets every `of`-th
    arrival, so that all together keep to the schedule, and a Poisson process stays one. Raises UsageError for
    a shape that has no arrival, or a trace that can't be read.
    """
    if arrivals.shape == "trace":
        pieces = _trace(arrivals)
    else:
        pieces = _shaped(Rates(arrivals, duration_s, warm_up_s), arrivals, seed, of)
    end_ns, seen = (warm_up_s + duration_s) * 1e9, 0
    for offsets in pieces:
        if count is not None:
            offsets = offsets[: max(0, count - seen)]
        within = offsets[: np.searchsorted(offsets, end_ns)]
        mine = within[(number - seen) % of :: of]
        seen += len(offsets)
        if len(mine):
            yield mine
        if len(within) < len(offsets) or (count is not None and seen >= count):
            return


class Rates:
    """The rate of arrivals over time: pieces in which it is constant or changes evenly.

    `total` is how many arrivals to expect, `end_s` when they end.
    """

    def __init__(self, arrivals: Arrivals, duration_s: float, warm_up_s: float = 0.0) -> None:
        first, to = arrivals.rate_per_s, arrivals.rate_per_s
        if arrivals.shape == "ramp":
            to = arrivals.to_per_s
        pieces = [(duration_s, first, to)]
        if arrivals.shape == "steps":
            pieces = [(length_s, rate, rate) for rate, length_s in arrivals.steps]
            first = pieces[0][1] if pieces else 0.0
        if warm_up_s:
            pieces.insert(0, (warm_up_s, first, first))
        if any(not math.isfinite(value) or value < 0 for piece in pieces for value in piece):
            raise UsageError(f"{arrivals} has a rate or a length below 0.", "Give rates such as 1000.")
        lengths, self._from, to_rates = np.array([*pieces, (1.0, 1.0, 1.0)], dtype=np.float64).T
        # The last piece only keeps the places behind the end apart.
        self._slope = (to_rates - self._from) / np.where(lengths > 0, lengths, 1)
        self._start_s = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        self._before = np.concatenate([[0.0], np.cumsum((self._from + to_rates) / 2 * lengths)[:-1]])
        self.end_s = float(self._start_s[-1])
        self.total = float(self._before[-1])
        if self.total <= 0:
            raise UsageError("the schedule has no arrival.", "Give a rate above 0 and a longer duration.")

    def moments_ns(self, places: NDArray[np.float64]) -> Schedule:
        """Returns when so many arrivals are to be expected: the inverse of the rate's integral, in ns."""
        piece = np.searchsorted(self._before, places, side="right") - 1
        start, rate, slope = self._start_s[piece], self._from[piece], self._slope[piece]
        beyond = places - self._before[piece]
        # The root of rate x t + slope x t^2 / 2 = beyond, in the form that loses no digits near slope 0.
        root = rate + np.sqrt(np.maximum(rate * rate + 2 * slope * beyond, 0))
        elapsed = np.divide(2 * beyond, root, out=np.zeros_like(beyond), where=root > 0)
        moments: Schedule = np.rint((start + elapsed) * 1e9).astype(np.int64)
        return moments


def _shaped(rates: Rates, arrivals: Arrivals, seed: int, of: int) -> Iterator[Schedule]:
    """Yields all arrivals: where the rate's integral is a whole number, or, as a Poisson process, a sum of
    exponential numbers with mean 1.
    """
    random = np.random.default_rng(seed) if arrivals.shape == "poisson" or arrivals.jittered else None
    size = CHUNK * of
    begun = 0.0
    # A millionth of an arrival is rounding, not an arrival.
    while begun < rates.total - 1e-6:
        if random is None:
            places = begun + np.arange(size, dtype=np.float64)
            begun += size
        else:
            places = begun + np.cumsum(random.standard_exponential(size))
            begun = float(places[-1])
        yield rates.moments_ns(places[places < rates.total - 1e-6])


def _trace(arrivals: Arrivals) -> Iterator[Schedule]:
    """Yields the times of a trace; a file has one number of seconds a line."""
    if not arrivals.file:
        yield check(np.rint(np.array(arrivals.times_s, dtype=np.float64) * 1e9).astype(np.int64))
        return
    held: list[float] = []
    last, found = 0.0, False
    try:
        with Path(arrivals.file).open(encoding="utf-8") as lines:
            for place, line in enumerate(lines, 1):
                if not (text := line.split("#")[0].strip()):
                    continue
                time_s = _number(text, f"{arrivals.file}:{place}")
                if not last <= time_s < math.inf:
                    raise UsageError(
                        f"{arrivals.file}:{place}: {text} is before the time above it, below 0, or no time.",
                        "Sort the times; they are seconds from the start.",
                    )
                if not found:
                    examine_first(time_s, f"{arrivals.file}:{place}: {text}")
                last, found = time_s, True
                held.append(time_s)
                if len(held) == CHUNK:
                    yield np.rint(np.array(held) * 1e9).astype(np.int64)
                    held.clear()
    except OSError as error:
        raise UsageError(f"{arrivals.file}: {error.strerror}.", "Name a file that can be read.") from None
    if not found:
        raise UsageError(f"{arrivals.file} has no arrival.", "Write one time a line, in seconds.")
    if held:
        yield np.rint(np.array(held) * 1e9).astype(np.int64)


def _number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{place}: {text!r} is not a number.", "Write one time a line, in seconds."
        ) from None


def check(schedule: Schedule) -> Schedule:
    """Returns `schedule` as a contiguous int64 array.

    Raises UsageError where it is empty, descending or negative.
    """
    offsets = np.ascontiguousarray(schedule, dtype=np.int64)
    if offsets.ndim != 1 or len(offsets) == 0:
        raise UsageError(
            f"schedule of shape {offsets.shape} has no arrival.",
            "Give a longer duration or a higher rate.",
        )
    if offsets[0] < 0 or bool(np.any(np.diff(offsets) < 0)):
        raise UsageError("schedule must be ascending offsets from 0 in ns.", "Sort it first.")
    return offsets


def _count(rate_per_s: float, duration_s: float) -> int:
    if not (rate_per_s > 0 and math.isfinite(rate_per_s)):
        raise UsageError(f"rate_per_s={rate_per_s} must be above 0.", "Give arrivals a second, such as 1000.")
    if not (duration_s > 0 and math.isfinite(duration_s)):
        raise UsageError(f"duration_s={duration_s} must be above 0.", "Give seconds, such as 2.5.")
    # A millionth of an arrival is rounding, not an arrival.
    return max(1, math.ceil(rate_per_s * duration_s - 1e-6))
