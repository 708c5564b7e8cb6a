"""Quantities with units as people type them: 50ms, 2%, 10mbit, 64kB."""

from __future__ import annotations

import re

from hinterland.errors import UsageError

_NUMBER = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([a-z%/]*)", re.IGNORECASE)
_MILLISECONDS = {"": 1.0, "us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0}
_MEGABITS = {"": 1.0, "bit": 1e-6, "kbit": 1e-3, "mbit": 1.0, "gbit": 1e3}
_SHARES = {"": 1.0, "%": 0.01}
_BYTES = {"b": 1.0, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 1024.0**2}


def milliseconds(name: str, text: str) -> float:
    """Returns the milliseconds that `50ms`, `0.2s` or `50` mean. Raises UsageError for anything else."""
    return _read(name, text, _MILLISECONDS, "a time", "50ms or 0.2s")


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


def _read(
    name: str, text: str, units: dict[str, float], kind: str, example: str, shown: str | None = None
) -> float:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2].lower() not in units:
        raise UsageError(f"{name}={shown or text} must be {kind}.", f"Give it as {example}.")
    return float(found[1]) * units[found[2].lower()]
