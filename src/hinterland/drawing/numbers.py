"""Quantities as a person would write them: 4.2 ms, 1.3 µs, 129k/s, 36 MiB, 5.2x, 0.12 %.

A unit is what a manifest says: a time (`ns`, `us`, `ms`, `s`), a size (`B`, `bytes`, `KiB`, `MiB`),
`share` (shown in per cent), `%`, `x` (a ratio) or any plural noun (`charges`, `operations/s`). What follows
the first word stays: `bytes an event` may become `1.2 KiB an event`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

Step = tuple[float, str]

TIME: tuple[Step, ...] = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"))
SIZE: tuple[Step, ...] = ((1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB"), (2.0**40, "TiB"))
COUNT: tuple[Step, ...] = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
SHARE: tuple[Step, ...] = ((0.01, "%"),)
PERCENT: tuple[Step, ...] = ((1.0, "%"),)
RATIO: tuple[Step, ...] = ((1.0, "x"),)

_FIRST_WORDS: dict[str, tuple[tuple[Step, ...], float]] = {
    "ns": (TIME, 1e-9),
    "us": (TIME, 1e-6),
    "µs": (TIME, 1e-6),
    "ms": (TIME, 1e-3),
    "s": (TIME, 1.0),
    "B": (SIZE, 1.0),
    "byte": (SIZE, 1.0),
    "bytes": (SIZE, 1.0),
    "kB": (SIZE, 1e3),
    "MB": (SIZE, 1e6),
    "KiB": (SIZE, 2.0**10),
    "MiB": (SIZE, 2.0**20),
    "GiB": (SIZE, 2.0**30),
    "share": (SHARE, 1.0),
    "%": (PERCENT, 1.0),
    "x": (RATIO, 1.0),
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST_SCALED = 10_000
"""Counts below this are written out: 4210, then 12.3k."""
_LARGEST_SCALED = 1e100
"""Nothing real is larger; scaling it could overflow."""


class Unit(NamedTuple):
    """A unit taken apart: its steps, the value of one in the steps' base, and the words that follow."""

    steps: tuple[Step, ...]
    base: float
    rest: str

    @property
    def counts(self) -> bool:
        return self.steps is COUNT


def parse(unit: str) -> Unit:
    """Returns the unit taken apart; an unknown first word is a plural noun that is counted."""
    unit = unit.removeprefix("1") if unit.startswith("1/") else unit
    first = re.match(r"[^\s/]*", unit)
    word = first.group() if first else ""
    if word in _FIRST_WORDS:
        steps, base = _FIRST_WORDS[word]
        return Unit(steps, base, unit[len(word) :])
    return Unit(COUNT, 1.0, unit if not unit or unit.startswith("/") else f" {unit}")


def significant(value: float, digits: int = 3) -> str:
    """Returns a finite value with that many significant digits and no trailing zeros."""
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if exponent < -4 or exponent > 14:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}×10{str(exponent).translate(_SUPERSCRIPTS)}"
    rounded = float(f"{mantissa}e{power}")
    text = f"{rounded:.{max(0, digits - 1 - exponent)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: float | None, unit: str = "", *, digits: int = 3) -> str:
    """Returns the value with its unit, scaled to the step that reads best. None and NaN are a dash."""
    if value is None or math.isnan(value):
        return "–"
    parsed = parse(unit)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) > _LARGEST_SCALED:
        return f"{significant(value, digits)} {unit}".rstrip()
    if parsed.steps is SHARE or parsed.steps is PERCENT:
        whole = 1.0 if parsed.steps is SHARE else 100.0
        return _per_cent(value / whole, digits) + parsed.rest
    base_value = value * parsed.base
    if parsed.counts and _is_small_count(base_value):
        noun = _singular(parsed.rest) if base_value == 1 else parsed.rest
        return f"{int(base_value)}{noun}"
    step, name = step_for(base_value, parsed)
    return f"{significant(base_value / step, digits)}{_joint(name)}{name}{parsed.rest}"


def bare(value: float | None, unit: str = "") -> str:
    """Returns the quantity without the noun it counts, which an axis title says once: `12.3k`, `4.2 ms`."""
    parsed = parse(unit)
    return quantity(value, "" if parsed.counts else unit.removesuffix(parsed.rest) if parsed.rest else unit)


def _is_small_count(value: float) -> bool:
    return abs(value) < _SMALLEST_SCALED and float(value).is_integer()


def _singular(noun: str) -> str:
    return re.sub(r"^( [^\s/]*[^s\s/])s(?=$|\s)", r"\1", noun)


def _joint(name: str) -> str:
    """A space before a unit, none before a multiplier: 4.2 ms, 129k, 5.2x."""
    return "" if name in {"", "k", "M", "G", "T", "x"} else " "


def _per_cent(share: float, digits: int) -> str:
    """Near 1 the digits count from the other end, so that 99.987 % never reads 100 %."""
    missing = abs(1.0 - share)
    if 0 < missing < 0.01:
        decimals = min(12, digits - 2 - math.floor(math.log10(missing * 100)))
        text = f"{100 * share:.{max(decimals, 0)}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"
    return significant(100 * share, digits) + " %"


def step_for(base_value: float, unit: Unit) -> Step:
    """Returns the step in which the value has one to three digits before the point, or the nearest."""
    size = abs(base_value)
    if unit.counts and size < _SMALLEST_SCALED:
        return unit.steps[0]
    if size == 0 or not math.isfinite(size):
        return (unit.base, next((name for step, name in unit.steps if step == unit.base), unit.steps[0][1]))
    rounded = float(f"{size:.2e}")
    if unit.steps is SIZE:
        # From 1000 on the next unit reads better: 0.99 KiB, not 1010 B.
        rounded = size * 1.024
    fitting = [step for step in unit.steps if step[0] <= rounded]
    if unit.steps is TIME and fitting and fitting[-1][1] == "min" and rounded < 120:
        fitting.pop()
    return fitting[-1] if fitting else unit.steps[0]


def span(low: float | None, high: float | None, unit: str = "") -> str:
    """Returns an interval in words: `4.1 ms to 5.3 ms`, `at least 3x`, or `not bounded yet`."""
    bounded_low = low is not None and math.isfinite(low)
    bounded_high = high is not None and math.isfinite(high)
    if bounded_low and bounded_high:
        return f"{quantity(low, unit)} to {quantity(high, unit)}"
    if bounded_low:
        return f"at least {quantity(low, unit)}"
    if bounded_high:
        return f"at most {quantity(high, unit)}"
    return "not bounded yet"


def axis_step(largest: float, unit: str) -> Step:
    """Returns (size of one display unit in `unit`, its name) for an axis that ends at `largest`."""
    parsed = parse(unit)
    step, name = step_for(largest * parsed.base, parsed)
    return step / parsed.base, name


def tick_texts(ticks: Sequence[float], unit: str) -> list[str]:
    """Returns labels for evenly spaced ticks, all in one step and with equally many decimals."""
    finite = [abs(tick) for tick in ticks if math.isfinite(tick)]
    if not finite or max(finite) == 0:
        return [significant(tick) for tick in ticks]
    size, name = axis_step(max(finite), unit)
    shown = [tick / size for tick in ticks]
    gap = min((b - a for a, b in itertools.pairwise(shown) if b > a), default=max(map(abs, shown)))
    decimals = min(9, max(0, -math.floor(math.log10(gap * 1.0001)))) if gap > 0 else 0
    if all(abs(value * 10**decimals - round(value * 10**decimals)) > 1e-6 for value in shown if value):
        decimals += 1
    if max(map(abs, shown)) >= 1e6 or decimals > 6:
        return [significant(value) + _joint(name) + name if value else "0" for value in shown]
    return [f"{value:.{decimals}f}{_joint(name)}{name}" if value else "0" for value in shown]


def title_unit(unit: str) -> str:
    """Returns what an axis title adds: the words of the unit that its tick labels leave out."""
    parsed = parse(unit)
    rest = parsed.rest.strip()
    return rest if not rest.startswith("/") else f"per {rest[1:]}".replace("per s", "per second")
