"""A load's conditions and rates as a person writes them, and back.

For everything here `parse_x(render_x(x)) == x`. A text that means nothing raises UsageError with what would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite

from msgspec import convert
from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Check, Extract, Objective
from hinterland.model import quantities
from hinterland.model.secrecy import MASK, hidden, is_secret

CHECK_EXAMPLES = "status = 200, header content-type contains json, body matches ^ok, length >= 10"
OBJECTIVE_EXAMPLES = "p99 < 20ms, max < 1s, errors = 0, error_share < 0.1%, rate >= 900, lateness_p99 < 1ms"
EXTRACT_EXAMPLES = r"token=json:data.token, next=header:location, sid=cookie:sid, id=pattern:id=(\d+)"

NUMERIC = ("<", "<=", ">", ">=")
OPERATORS: dict[str, tuple[str, ...]] = {
    "status": ("=", "!=", *NUMERIC),
    "length": ("=", "!=", *NUMERIC),
    "header": ("=", "!=", *NUMERIC, "contains", "matches"),
    "body": ("=", "!=", "contains", "matches"),
}
"""What each part of an answer can be compared by. A header compared by size must be a number."""

PERCENTILE = re.compile(r"(lateness_)?p(\d{1,2}(?:\.\d{1,6})?)")
METRICS = ("pNN", "max", "mean", "errors", "error_share", "rate", "lateness_pNN")

# The longer operator first: `<=` begins with `<`.
_SIGN = r"<=|>=|!=|==|=|<|>|≤|≥|≠"
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "==": "="}
_CHECK = re.compile(
    rf"(?:(status|length|body)|header\s+([^\s=<>!≤≥≠]+))\s*(?:({_SIGN})\s*|(contains|matches)\s)(.*)",
    re.DOTALL,
)
_OBJECTIVE = re.compile(rf"\s*([a-z_]+[0-9.]*)\s*({_SIGN})\s*(.*?)\s*")
_EXTRACT = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*=\s*(json|header|cookie|pattern):(.*)", re.DOTALL)
_STEP = re.compile(r"\s*([^x\s]+)\s*x\s*([^x\s]+)\s*")


def parse_check(text: str) -> Check:
    """Returns the check that `header content-type contains json` means. Its value is kept as written."""
    found = _CHECK.fullmatch(text.strip())
    if found is None:
        shown = " ".join([*text.split()[:2], "..."]) if is_secret(text) else text
        raise UsageError(
            f"check {shown!r} is not PART OPERATOR VALUE.", f"Give one such as {CHECK_EXAMPLES}."
        )
    name = found[2] or ""
    sign = _SIGNS.get(found[3] or found[4], found[3] or found[4])
    given = {"of": found[1] or "header", "name": name.lower(), "operator": sign, "value": found[5]}
    check = convert(given, Check)
    examine_check(check)
    return check


def examine_check(check: Check) -> None:
    """Raises UsageError for a check that can't be decided, with the part of it that is wrong."""
    shown = f"check {shown_check(check)!r}"
    allowed = OPERATORS[check.of]
    if check.operator not in allowed:
        raise UsageError(f"{shown}: {check.of} has no {check.operator}.", f"It has {', '.join(allowed)}.")
    if check.of == "header" and not check.name:
        raise UsageError(f"{shown} names no header.", "Give one: header content-type contains json.")
    if (check.operator in NUMERIC or check.of in ("status", "length")) and not is_number(check.value):
        raise UsageError(
            f"{shown}: {hidden(check.value)!r} must be a number.", f"Give one such as {CHECK_EXAMPLES}."
        )
    if check.operator in ("contains", "matches") and not check.value:
        raise UsageError(f"{shown}: every answer does that.", "Say what it must contain.")
    if check.operator == "matches":
        examine_pattern(shown, check.value)


def render_check(check: Check) -> str:
    """Returns the check as a person would write it; `check NAME` among the errors has it as its NAME."""
    part = f"header {check.name}" if check.of == "header" else check.of
    return f"{part} {check.operator} {check.value}"


def shown_check(check: Check) -> str:
    """Returns the check as it may be printed and kept: what a secret header must be is not told."""
    if check.of == "header" and is_secret(check.name) and check.value:
        return render_check(replace(check, value=MASK))
    return hidden(render_check(check))


def parse_objective(text: str) -> Objective:
    """Returns the objective that `p99 < 20ms` means. A time needs its unit, and is kept in s."""
    found = _OBJECTIVE.fullmatch(text)
    if found is None or _SIGNS.get(found[2], found[2]) == "!=":
        raise UsageError(
            f"objective {text!r} is not METRIC OPERATOR VALUE.", f"Give one such as {OBJECTIVE_EXAMPLES}."
        )
    metric, sign, value = found[1], _SIGNS.get(found[2], found[2]), found[3]
    number = _objective_value(metric, value, text)
    return convert({"metric": metric, "operator": sign, "value": number, "text": text.strip()}, Objective)


def percentile_of(metric: str) -> float | None:
    """Returns the share, 0 to 1, of `p99.9` or `lateness_p99`; None for a metric that is no percentile."""
    found = PERCENTILE.fullmatch(metric)
    if found is None or not float(found[2]):
        return None
    # Through the digits: 99.9 / 100 would not be the float that 0.999 is.
    whole, _, part = found[2].partition(".")
    return float(f"0.{whole:0>2}{part}")


def _objective_value(metric: str, value: str, text: str) -> float:
    if metric == "errors":
        if not re.fullmatch(r"\d+(?:\.0*)?", value):
            raise UsageError(f"objective {text!r}: {value!r} must be a whole number.", "Such as errors = 0.")
        return float(value)
    if metric == "error_share":
        return quantities.share(metric, value)
    if metric == "rate":
        return quantities.rate_per_s(metric, value)
    if metric not in ("max", "mean") and percentile_of(metric) is None:
        raise UsageError(
            f"objective {text!r}: {metric} is not measured.",
            f"There are {', '.join(METRICS)}, such as {OBJECTIVE_EXAMPLES}.",
        )
    if re.fullmatch(r"[\d.]*", value):
        raise UsageError(f"objective {text!r}: {value!r} needs a unit.", f"Give it as {value or 20}ms.")
    return quantities.seconds(metric, value)


def render_objective(objective: Objective) -> str:
    """Returns the objective in its shortest form; `text` has what the person wrote."""
    value = objective.value
    number = str(int(value)) if value.is_integer() else repr(value)
    timed = objective.metric in ("max", "mean") or percentile_of(objective.metric) is not None
    return f"{objective.metric} {objective.operator} {number}{'s' if timed else ''}"


def parse_rate(text: str) -> float:
    """Returns the arrivals a second that `20k`, `1.5k/s` or `300/min` mean; above 0."""
    rate = quantities.rate_per_s("rate", text)
    if rate <= 0:
        raise UsageError(f"rate={text} must be above 0.", "Give arrivals a second, such as 1000.")
    return rate


def parse_ramp(text: str) -> tuple[float, float]:
    """Returns the first and the last rate, a second, of `100..2k`."""
    start, dots, end = text.partition("..")
    if not dots:
        raise UsageError(f"ramp={text} is not RATE..RATE.", "Give one such as 100..2k.")
    return quantities.rate_per_s("ramp", start), quantities.rate_per_s("ramp", end)


def render_ramp(start_per_s: float, end_per_s: float) -> str:
    """Returns a ramp as a person would write it."""
    return f"{start_per_s!r}..{end_per_s!r}"


def parse_steps(text: str) -> tuple[tuple[float, float], ...]:
    """Returns the (rate a second, duration in s) pairs of `100x10s,2k x 500ms`."""
    return tuple(map(_step, text.split(",")))


def render_steps(steps: Iterable[tuple[float, float]]) -> str:
    """Returns steps as a person would write them."""
    return ",".join(f"{rate!r}x{duration_s!r}s" for rate, duration_s in steps)


def parse_extract(text: str) -> Extract:
    """Returns the extract that `token=json:data.token` means."""
    found = _EXTRACT.fullmatch(text)
    if found is None or not found[3].strip():
        raise UsageError(
            f"extract {text!r} is not NAME=SOURCE:PATH.", f"Give one such as {EXTRACT_EXAMPLES}."
        )
    extract = convert({"name": found[1], "source": found[2], "path": found[3]}, Extract)
    if extract.source == "pattern":
        examine_pattern(f"extract {text!r}", extract.path)
    if extract.source == "json":
        _examine_path(text, extract.path.strip())
    return extract


def _examine_path(text: str, path: str) -> None:
    """Raises UsageError for a path in the words of JSONPath or jq, which would find nothing."""
    if not re.match(r"\$(?=[.\[]|\Z)|\.\w", path) and not re.search(
        r"\w\[(?:\d+|\*|'[^']*'|\"[^\"]*\")\]", path
    ):
        return
    plain = re.sub(r"\[[\"']?([^\[\]\"']*)[\"']?\]", r".\1", path.removeprefix("$")).strip(".")
    is_plain = bool(plain) and ".." not in path and not re.search(r"[*?()\[\]@:]", plain)
    raise UsageError(
        f"extract {text!r}: {path} is {'JSONPath' if path[0] != '.' else 'a path of jq'}.",
        f"Here it is written {plain}"
        if is_plain
        else "A path names keys and places, such as items.0.id; for more, use pattern: or a scenario.",
    )


def render_extract(extract: Extract) -> str:
    """Returns the extract as a person would write it."""
    return f"{extract.name}={extract.source}:{extract.path}"


def examine_pattern(shown: str, pattern: str) -> None:
    """Raises UsageError for a regular expression that is none; `shown` is what it is part of."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"{shown}: {pattern!r} is no regular expression: {error}.", r"Write \( for a plain (."
        ) from None


def is_number(text: str) -> bool:
    """Decides whether a text is a finite number."""
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _step(text: str) -> tuple[float, float]:
    found = _STEP.fullmatch(text)
    if found is None:
        raise UsageError(f"steps: {text.strip()!r} is not RATExTIME.", "Give 100x10s,200x10s.")
    rate, duration_s = quantities.rate_per_s("steps", found[1]), quantities.seconds("steps", found[2])
    if duration_s <= 0:
        raise UsageError(f"steps: {text.strip()!r} lasts no time.", "Give 100x10s,200x10s.")
    return rate, duration_s
