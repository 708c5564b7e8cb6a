"""A verdict drawn: its interval and its control's on one axis, against the threshold declared beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hinterland.claims.forms import forms
from hinterland.drawing import axes, numbers, scale
from hinterland.drawing.figure import NARROW_PX, Figure
from hinterland.drawing.svg import Drawing, text_width
from hinterland.model.verdict import Evidence, Verdict

STRIP_WIDE_PX = 700.0
ROW_PX = 30.0


@dataclass(frozen=True)
class Sides:
    """Where a claim holds on its axis: from `low` to `high`, in words `says`. Both infinite: not known."""

    low: float
    high: float
    says: str

    @property
    def edges(self) -> list[float]:
        return [edge for edge in (self.low, self.high) if math.isfinite(edge)]


def sides(verdict: Verdict) -> Sides:
    """Returns the side of the threshold on which the claim holds, as its form has it."""
    limit, unit = verdict.evidence.threshold, verdict.evidence.unit
    if limit is None or not math.isfinite(limit):
        return Sides(-math.inf, math.inf, "")
    text = numbers.quantity(limit, unit)
    form = forms().get(verdict.form)
    band = form.band(limit) if form else None
    if band is None:
        return Sides(-math.inf, math.inf, f"threshold {text}")
    low, high = band
    if math.isinf(low):
        return Sides(low, high, f"holds at {text} or less")
    if math.isinf(high):
        return Sides(low, high, f"holds at {text} or more")
    return Sides(low, high, f"holds between {numbers.quantity(low, unit)} and {numbers.quantity(high, unit)}")


def drawable(verdict: Verdict) -> bool:
    """Decides whether there is any estimate to draw."""
    return any(_is_known(part.estimate) for part in (verdict.evidence, verdict.control))


def figure(verdict: Verdict, key: str) -> Figure | None:
    """Returns the strip with both intervals, or None where nothing was estimated."""
    if not drawable(verdict):
        return None
    caption = f"{sentence('Claim', verdict.evidence)} {sentence('Control', verdict.control)}"
    drawings = []
    for word, width in (("wide", STRIP_WIDE_PX), ("narrow", NARROW_PX)):
        drawing = Drawing(f"{key}-{word}", width, f"Interval of the claim {verdict.claim}", caption)
        _draw(drawing, verdict)
        drawings.append(drawing)
    columns = ("", "Estimate", "Lowest", "Highest", "Threshold", "Blocks", "Tries", "Violations")
    rows = (_table_row("Claim", verdict.evidence), _table_row("Control", verdict.control))
    return Figure(caption, drawings[0], drawings[1], columns, rows, summary="The figures behind this verdict")


def sentence(who: str, evidence: Evidence) -> str:
    """Returns the evidence as one sentence; the judge's own words if it has any."""
    words = evidence.says or estimate_text(evidence)
    return f"{who}: {words.rstrip('.')}."


def estimate_text(evidence: Evidence) -> str:
    """Returns the estimate with its interval: `5.2x (4.1x to 6.6x)`."""
    if not _is_known(evidence.estimate):
        return "no estimate"
    between = numbers.span(evidence.low, evidence.high, evidence.unit)
    return f"{numbers.quantity(evidence.estimate, evidence.unit)} ({between})"


def measured(evidence: Evidence) -> tuple[str, str, str]:
    """Returns what was measured as one sentence: what stands before the estimate, it, and the rest."""
    if not evidence.says:
        return "", estimate_text(evidence) if _is_known(evidence.estimate) else "nothing", ""
    number = numbers.quantity(evidence.estimate, evidence.unit) if _is_known(evidence.estimate) else ""
    if number and number in evidence.says:
        before, found, after = evidence.says.partition(number)
        return before, found, after
    # A count says it already: none in so many. Of some, it is worth saying how many in a hundred.
    rate = f"{estimate_text(evidence)}: " if evidence.estimate and number else ""
    return "", rate, evidence.says


def axis(verdict: Verdict, start: float, end: float) -> scale.Scale:
    """Returns one axis for the claim, its control and the threshold.

    Ratios are drawn by factors; so are shares that differ widely, so that 0.3 % and 80 % can both be read.
    """
    unit = verdict.evidence.unit or verdict.control.unit
    known = [
        value
        for part in (verdict.evidence, verdict.control)
        for value in (part.estimate, part.low, part.high)
        if value is not None and math.isfinite(value)
    ]
    # The threshold stands clear of the ends of the axis, so that both its sides can be seen.
    known += [edge * room for edge in sides(verdict).edges for room in (0.7, 1.3)]
    about = 4 if end - start < 300 else 6
    positive = [value for value in known if value > 0]
    wide = bool(positive) and max(positive) > 20 * min(positive)
    if unit == "x" and positive:
        # A bound of one in a million would push everything else together; it is drawn as an arrow.
        floor = max(min(positive), 1e-3 * min(_core(verdict), default=min(positive)))
        ceiling = min(max(positive), 1e3 * max(_core(verdict), default=max(positive)))
        return scale.log(
            [value for value in (*positive, 1.0) if floor <= value <= ceiling] or [1.0], start, end, unit
        )
    if unit == "share" and wide:
        kept = [value for value in known if value <= 0 or value >= 1e-5]
        return scale.log(kept, start, end, unit, about=about)
    return scale.linear(
        known, start, end, unit, zero=unit == "share" or min(known) < 0.5 * max(known), about=about
    )


def _core(verdict: Verdict) -> list[float]:
    values = [verdict.evidence.estimate, verdict.control.estimate, *sides(verdict).edges]
    return [value for value in values if value is not None and 0 < value < math.inf]


def _draw(drawing: Drawing, verdict: Verdict) -> None:
    narrow = drawing.width < 500
    left = 0.0 if narrow else 74.0
    row = 46.0 if narrow else ROW_PX
    across = axis(verdict, left + 12, drawing.width - 16)
    limits = sides(verdict)
    top = 25.0 if limits.says else 6.0
    bottom = top + 2 * row + 4
    _holding(drawing, across, limits, top, bottom)
    axes.across(drawing, across, top, bottom)
    for number, (who, part) in enumerate((("claim", verdict.evidence), ("control", verdict.control))):
        y = top + row * number + (32.0 if narrow else row / 2 + 2)
        baseline = y - 14 if narrow else y + 4.5
        drawing.text(left if narrow else 0, baseline, who, size=13, bold=number == 0)
        _interval(drawing, across, part, y, is_control=number == 1)
    drawing.height = bottom + 22


def _holding(drawing: Drawing, across: scale.Scale, limits: Sides, top: float, bottom: float) -> None:
    """Shades the side on which the claim holds and writes so above the threshold."""
    if not limits.edges:
        return
    low = across.start if math.isinf(limits.low) else across.at(limits.low)
    high = across.end if math.isinf(limits.high) else across.at(limits.high)
    drawing.rect(low, top, high - low, bottom - top, "holding")
    for edge in limits.edges:
        x = across.at(edge)
        drawing.line(x, top - 4, x, bottom, "threshold", "5 3")
    words = limits.says
    if math.isinf(limits.low):
        words = f"← {words}"
    elif math.isinf(limits.high):
        words = f"{words} →"
    width = text_width(words, 12)
    wanted = (low + high) / 2 - width / 2
    if math.isinf(limits.high):
        wanted = low
    elif math.isinf(limits.low):
        wanted = high - width
    drawing.text(
        min(max(wanted, 0.0), max(0.0, drawing.width - width)), top - 10, words, size=12, css="title"
    )


def _interval(drawing: Drawing, across: scale.Scale, part: Evidence, y: float, *, is_control: bool) -> None:
    css = "control" if is_control else f"claim {part.verdict}"
    if part.estimate is None or not math.isfinite(part.estimate):
        drawing.text(across.start + 6, y + 4.5, "no estimate", size=12, css="quiet")
        return
    low, high = part.low, part.high
    open_low = low is None or not math.isfinite(low) or (across.kind == "log" and 0 < low < across.low)
    open_high = high is None or not math.isfinite(high) or across.outside(high)
    x1 = across.start + 8 if open_low else across.at(float(low or 0.0))
    x2 = across.end - 8 if open_high else across.at(float(high or 0.0))
    drawing.line(x1, y, x2, y, f"interval {css}", "6 4" if is_control else "")
    for x, is_open, is_left in ((x1, open_low, True), (x2, open_high, False)):
        if is_open:
            drawing.arrow(x, y, f"mark {css}", left=is_left, size=8)
        else:
            drawing.line(x, y - 6, x, y + 6, f"interval {css}")
    drawing.mark(0 if is_control else 2, across.at(part.estimate), y, f"mark {css}", radius=5.5)


def _table_row(who: str, part: Evidence) -> tuple[str, ...]:
    values = (part.estimate, part.low, part.high, part.threshold)
    texts = [numbers.quantity(value, part.unit) for value in values]
    return (
        who,
        *texts,
        str(part.blocks),
        str(part.tries or "–"),
        str(part.violations if part.tries else "–"),
    )


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
