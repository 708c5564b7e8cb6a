"""Quantities with units as people type them: 50ms, 2%, 10mbit, 64kB, 20k/s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from hinterland.errors import UsageError

Units = Mapping[str, int | Fraction]

_NUMBER = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?)\s*([a-zµ%/]*)", re.IGNORECASE)
# Fractions, so that 17ms is the float nearest to 0.017 s, as a person who writes 0.017 expects.
_MILLISECONDS: Units = {
    "": 1,
    "ns": Fraction(1, 10**6),
    "us": Fraction(1, 1000),
    "µs": Fraction(1, 1000),
    "ms": 1,
    "s": 1000,
}
_SECONDS: Units = {
    "": 1,
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
}
_MEGABITS: Units = {"": 1, "bit": Fraction(1, 10**6), "kbit": Fraction(1, 1000), "mbit": 1, "gbit": 1000}
_SHARES: Units = {"": 1, "%": Fraction(1, 100)}
_BYTES: Units = {"b": 1, "kb": 1000, "kib": 1024, "mb": 10**6, "mib": 1024**2}
_PER_S: Units = {
    thousands + per: Fraction(factor, seconds)
    for thousands, factor in (("", 1), ("k", 1000))
    for per, seconds in (("", 1), ("/s", 1), ("/min", 60), ("/m", 60), ("/h", 3600))
}


def milliseconds(name: str, text: str) -> float:
    """Returns the milliseconds that `50ms`, `0.2s`, `1s500ms` or `50` mean. Raises UsageError for others."""
    return _read_time(name, text, _MILLISECONDS, "a time", "50ms or 0.2s")


def seconds(name: str, text: str) -> float:
    """Returns the seconds that `500ms`, `10s`, `2min`, `1m30s` or `10` mean. Raises UsageError for others."""
    return _read_time(name, text, _SECONDS, "a time", "500ms, 10s or 1m30s")


def rate_per_s(name: str, text: str) -> float:
    """Returns how many a second `20k`, `1.5k/s`, `300/min` or `900` mean. Raises UsageError for others."""
    return _read(name, text, _PER_S, "a rate", "900, 20k, 1.5k/s or 300/min")


def megabits(name: str, text: str) -> float:
    """Returns the Mbit/s that `10mbit`, `500kbit` or `10` mean. Raises UsageError for anything else."""
    # 10mbit/s and 10mbps are the same thing to whoever types them; MBps would not be, and is refused.
    plain = re.sub(r"(?<=bit)(/s|ps)$|(?<=[kmg])bps$", lambda m: "bit" if m[0] == "bps" else "", text.lower())
    if re.search(r"[KMG]?B(/s|ps)?$", text.strip()):
        plain = text
    return _read(name, plain, _MEGABITS, "a rate in bits", "10mbit, 500kbit or 1gbit", shown=text)


def share(name: str, text: str) -> float:
    """Returns the share, 0 to 1, that `2%` or `0.02` mean. Raises UsageError for anything else."""
    value = _read(name, text, _SHARES, "a share", "2% or 0.02")
    if value > 1:
        advice = "All of them is 100%." if text.strip().endswith("%") else f"For {text} in a hundred: {text}%"
        raise UsageError(f"{name}={text} must be between 0 and 1.", advice)
    return value


def queue(name: str, text: str) -> tuple[float | None, int | None]:
    """Returns a queue's length as (milliseconds, None) or (None, bytes): `100ms` or `64kB`."""
    found = _NUMBER.fullmatch(text.strip())
    if found and found[2].lower() in _BYTES:
        return None, round(_read(name, text, _BYTES, "a length", "100ms or 64kB"))
    return _read(name, text, _MILLISECONDS, "a length in time or bytes", "100ms or 64kB"), None


def _read_time(name: str, text: str, units: Units, kind: str, example: str) -> float:
    """Returns a time, also one in several units, as tools in Go write it: `1m30s`, `1h2m3.5s`."""
    # The micro sign and the Greek letter look the same.
    plain = text.strip().replace("\u03bc", "\u00b5")
    parts = _NUMBER.findall(plain)
    if len(parts) < 2 or "".join(number + unit for number, unit in parts) != plain:
        return _read(name, plain, units, kind, example, shown=text)
    named = [unit.lower() for _, unit in parts]
    if "" in named or len(set(named)) < len(named):
        raise UsageError(f"{name}={text} must be {kind}.", f"Give it as {example}.")
    return sum(_read(name, number + unit, units, kind, example, shown=text) for number, unit in parts)


def _read(
    name: str,
    text: str,
    units: Units,
    kind: str,
    example: str,
    shown: str | None = None,
) -> float:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2].lower() not in units:
        raise UsageError(f"{name}={shown or text} must be {kind}.", f"Give it as {example}.")
    try:
        return float(Fraction(found[1]) * units[found[2].lower()])
    except OverflowError:
        raise UsageError(f"{name}={shown or text} is too large.", f"Give it as {example}.") from None
