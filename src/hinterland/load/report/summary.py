"""A load in a terminal: what was asked, what came back, a spectrum of bars, and the generator's audit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

from hinterland.drawing import numbers
from hinterland.load.report.hints import hints
from hinterland.load.report.percentiles import (
    NO_ANSWER,
    Percentile,
    is_shown,
    name_of,
    operations,
    shown,
    slowest_s,
    time_text,
)
from hinterland.load.report.words import (
    CLOSED_NOTE,
    asked_says,
    capital,
    connections_say,
    count_text,
    errors_say,
    is_limited,
    lateness_says,
    length_says,
    model_says,
    not_opened_say,
    protocol_says,
    rate_text,
    schedulers_say,
    sentence,
    statuses_say,
    where_says,
)
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.record import Asserted, LoadRecord
from hinterland.load.result.result import KindResult, LoadResult

Line = tuple[str, str]
"""A line of at most the width asked, and its style: empty, `bold`, `dim`, `green`, `yellow` or `red`."""

LABEL = 11
TIMES = 11
MOST_KINDS = 12
ASSERTED_STYLE = {"passed": "green", "failed": "red", "undecided": "yellow"}
COMPARED_STYLE = {"same": "", "differs": "bold", "cannot_tell": "dim"}
ASSERTED_SIGN = {"passed": "✓", "failed": "✗", "undecided": "?"}


def lines(record: LoadRecord, *, width: int = 80) -> list[Line]:
    """Returns the summary of a load, each line at most `width` columns."""
    if record.capacity is not None:
        return list(_capacity(record.capacity, width))
    result = record.result
    if result is None:
        return []
    return [
        *head(result, width),
        ("", ""),
        *_counted(result, width),
        ("", ""),
        *spectrum(result, width),
        *_kinds(result.kinds, width),
        ("", ""),
        *_generator(result, width),
        *_asserted(record.asserted, width),
        *_comparison(record.comparison, width),
        *_warnings(result, width),
    ]


def head(result: LoadResult, width: int) -> list[Line]:
    """Returns what was driven and how: the URL, the model, and what it travelled on."""
    plan = result.plan
    spoken = f"{protocol_says(plan.target)}{where_says(plan.target)}"
    with_what = f"{spoken}, {connections_say(plan)}, {length_says(plan)}"
    return [
        *wrapped(plan.target.url, width, style="bold"),
        *wrapped(f"{capital(model_says(plan))}.", width),
        *wrapped(with_what, width, style="dim"),
    ]


def _counted(result: LoadResult, width: int) -> Iterator[Line]:
    reached = f"{rate_text(result.reached_per_s)}"
    if asked := asked_says(result):
        reached += f"{', ' if 'visits' in asked else ' of '}{asked}"
    good = "all" if result.answered == result.operations else f"{result.answered:,}"
    came = f"{count_text(result.operations, 'operation')}, {good} with a good answer"
    if not result.operations:
        came = "no event came" if result.plan.subscribe else "no operation was due in the measured time"
    yield from labelled("reached", f"{reached}; {came}", width)
    if statuses := statuses_say(result.statuses):
        yield from labelled("statuses", statuses, width)
    style = "red" if result.errors else ""
    yield from labelled("errors", errors_say(result.errors, result.operations), width, style)
    if sum(result.open_errors.values()):
        yield from labelled(
            "", f"connections that could not be opened: {not_opened_say(result)}", width, "red"
        )
    for hint in hints(result):
        yield from labelled("", hint, width)


def spectrum(result: LoadResult, width: int) -> Iterator[Line]:
    """Yields the percentiles as a table with bars: █ to the response time, │ at the service time."""
    response, service = shown(result.response), shown(result.service)
    if not response:
        count = operations(result.response)
        yield (f"No percentile is shown: {count_text(count, 'operation')}, and ten must lie beyond one.", "")
        return
    if not result.answered:
        yield ("No percentile has a time: no operation had a good answer.", "red")
        return
    known = {one.share: one.time_s for one in service}
    rows = [(one.name, one.time_s, known.get(one.share, math.nan)) for one in response]
    rows.append(("slowest", slowest_s(result.response), slowest_s(result.service)))
    room = width - LABEL - 2 * TIMES - 3
    axis = Axis([time for _, *times in rows for time in times], room)
    yield (f"{'':{LABEL}}{'response':>{TIMES}}{'service':>{TIMES}}", "")
    yield (f"{'':{LABEL}}{'since due':>{TIMES}}{'since sent':>{TIMES}}   {axis.text()}".rstrip(), "dim")
    for name, time_s, service_s in rows:
        times = f"{time_text(time_s):>{TIMES}}{time_text(service_s):>{TIMES}}"
        style = "red" if math.isinf(time_s) else ""
        yield (f"  {name:<{LABEL - 2}}{times}   {axis.bar(time_s, service_s)}".rstrip(), style)
    if result.response.missing:
        share = numbers.quantity(result.response.missing / operations(result.response), "share")
        longest = numbers.quantity(result.response.most_ns / 1e9, "s")
        text = f"{NO_ANSWER}: the percentile lies among the {share} of operations that had no good answer."
        yield from wrapped(f"{text} The slowest answered took {longest}.", width, style="dim")


class Axis:
    """A logarithmic axis of `room` columns over the decades that the times span."""

    def __init__(self, times: Sequence[float], room: int) -> None:
        finite = [time for time in times if math.isfinite(time) and time > 0] or [1e-3]
        self.low = math.floor(math.log10(min(finite)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(finite)) - 1e-9), self.low + 1)
        self.room = room

    def column(self, time_s: float) -> int:
        """Returns the column of a time, from 0 to room."""
        if math.isinf(time_s):
            return self.room
        share = (math.log10(max(time_s, 1e-12)) - self.low) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * self.room)

    def bar(self, time_s: float, mark_s: float) -> str:
        """Returns the bar of a time, with a mark at another; an endless one ends in an arrow."""
        if math.isnan(time_s):
            return ""
        end = max(1, self.column(time_s))
        cells = ["█"] * end + [" "] * (self.room - end)
        if math.isinf(time_s):
            cells[-1] = "▶"
        if math.isfinite(mark_s):
            place = min(max(0, self.column(mark_s) - 1), self.room - 1)
            if place < end - 1:
                cells[place] = "│"
        return "".join(cells).rstrip()

    def text(self) -> str:
        """Returns the labels of the decades where they begin."""
        cells = [" "] * (self.room + 1)
        for power in range(self.low, self.high + 1):
            label = numbers.quantity(10.0**power, "s")
            at = self.column(10.0**power)
            at = at if power == self.low else at - len(label) if power == self.high else at - len(label) // 2
            if at >= 0 and not "".join(cells[max(0, at - 2) : at + len(label) + 1]).strip():
                cells[at : at + len(label)] = label
        return "".join(cells).rstrip()


def _kinds(kinds: Sequence[KindResult], width: int) -> Iterator[Line]:
    """Yields a row for each request of a mix, where there are several."""
    if len(kinds) < 2:
        return
    yield ("", "")
    shares = [
        share for share in (0.5, 0.99) if any(is_shown(share, operations(one.response)) for one in kinds)
    ]
    columns = "".join(f"{name_of(share):>{TIMES}}" for share in shares)
    name_room = width - 11 - TIMES * len(shares) - 10
    yield (f"{'request':<{name_room}}{'operations':>11}{columns}{'without':>10}", "dim")
    for one in list(kinds)[:MOST_KINDS]:
        known: dict[float, Percentile] = {found.share: found for found in shown(one.response, shares)}
        cells = "".join(f"{known[s].says if s in known else '–':>{TIMES}}" for s in shares)
        failed = sum(one.errors.values())
        name = clipped(one.name or "all", name_room - 1)
        text = f"{name:<{name_room}}{one.operations:>11,}{cells}{failed:>10,}"
        yield (text, "red" if failed else "")
    if len(kinds) > MOST_KINDS:
        yield (f"and {len(kinds) - MOST_KINDS} more in the report", "dim")


def _generator(result: LoadResult, width: int) -> Iterator[Line]:
    audit = result.generator
    parts = [count_text(len(audit.processes), "process").replace("processs", "processes")]
    if scheduler := schedulers_say(result):
        parts.append(f"scheduler {scheduler}")
    if audit.processes:
        waited = max(one.run_delay_share for one in audit.processes)
        parts.append(f"waited for a core {numbers.quantity(waited, 'share', digits=2)} of the time")
    yield from labelled("generator", ", ".join(parts), width, "dim")
    if lateness := lateness_says(result):
        yield from labelled("", f"its own lateness: {lateness}", width, "dim")
    if result.plan.model == "closed" and not result.plan.subscribe:
        yield from wrapped(CLOSED_NOTE, width, style="dim")


def _asserted(asserted: Sequence[Asserted], width: int) -> Iterator[Line]:
    if asserted:
        yield ("", "")
    for one in asserted:
        why = f" ({one.why})" if one.why else ""
        text = f"{ASSERTED_SIGN[one.verdict]} {one.text}  {one.verdict}: {one.measured}{why}"
        yield from wrapped(text, width, indent=2, style=ASSERTED_STYLE[one.verdict])


def _comparison(found: Comparison | None, width: int) -> Iterator[Line]:
    if found is None:
        return
    yield ("", "")
    yield from wrapped(f"Against {found.other}:", width, style="bold")
    for one in found.compared:
        yield from wrapped(f"  {one.says}", width, indent=4, style=COMPARED_STYLE[one.word])
    yield from wrapped(f"  {found.errors_say}", width, indent=4, style=COMPARED_STYLE[found.errors_word])
    if found.unlike:
        yield from wrapped("  Asked differently, which alone may explain it:", width, style="yellow")
        for one_unlike in found.unlike:
            yield from wrapped(f"  - {one_unlike}", width, indent=4, style="yellow")
    for why in found.void:
        yield from wrapped(f"  No evidence: {why}", width, indent=4, style="yellow")


def _capacity(found: CapacityResult, width: int) -> Iterator[Line]:
    """Yields a search: every probe in order of rate with a bar to its p99, then what follows."""
    plan = found.plan
    yield from wrapped(plan.target.url, width, style="bold")
    spread = "at random moments (Poisson)" if plan.arrivals.shape == "poisson" else "evenly spaced"
    yield from wrapped(f"Open loop, {spread}: the highest rate at which {found.objective.text} holds.", width)
    spoken = f"{protocol_says(plan.target)}{where_says(plan.target)}"
    yield from wrapped(f"{spoken}, {connections_say(plan)}", width, style="dim")
    yield ("", "")
    axis = Axis([time for point in found.points for time in (point.p50_s, point.p99_s) if time], width - 51)
    yield (f"{'asked':>9}{'reached':>11}{'p50':>10}{'p99':>10}{'':9}", "")
    yield (f"{'':9}{'':11}{'':10}{'':10}{'':9}{axis.text()}".rstrip(), "dim")
    for point in found.points:
        p50, p99 = (math.inf if time is None else time for time in (point.p50_s, point.p99_s))
        word, style = ("held", "green") if point.held else ("broke", "red")
        word, style = (word, style) if point.counted else ("void", "yellow")
        times = f"{time_text(p50):>10}{time_text(p99):>10}"
        rates = f"{rate_text(point.asked_per_s):>9}{rate_text(point.reached_per_s):>11}"
        yield (f"{rates}{times}  {word:<7}{axis.bar(p99, p50)}".rstrip(), style)
    yield ("█ to p99, │ at p50; void: the generator was the limit", "dim")
    yield ("", "")
    yield from wrapped(found.says, width, style="bold")
    if found.knee_per_s is not None:
        yield from wrapped(
            f"The knee is near {rate_text(found.knee_per_s)}: beyond it, more load costs more than it "
            "brings.",
            width,
        )
    if found.calm_p50_s is not None:
        yield from wrapped(
            f"Without load, one connection that asks and waits sees {time_text(found.calm_p50_s)} at p50.",
            width,
        )
    if found.assumed:
        yield from wrapped(f"Assumed: {found.assumed.rstrip('.')}.", width, style="dim")


def _warnings(result: LoadResult, width: int) -> Iterator[Line]:
    if result.answered and is_limited(result):
        yield ("", "")
        yield ("The generator was the limit: these figures are not the server's.", "yellow")
        for fault in result.generator.faults:
            yield from wrapped(f"- {sentence(fault)}", width, indent=2, style="yellow")
        yield ("What helps:", "yellow")
    elif result.answered and result.generator.advice:
        yield ("", "")
        yield ("Worth knowing:", "yellow")
    # Where nothing had a good answer there are no figures to doubt: why it had none has been said.
    for advice in result.generator.advice if result.answered else ():
        yield from wrapped(f"- {sentence(advice)}", width, indent=2, style="yellow")
    if result.partial:
        yield ("", "")
        yield from wrapped(
            f"Cut short: {result.partial.rstrip('.')}. Shown is what was measured until then.",
            width,
            style="yellow",
        )


def labelled(label: str, text: str, width: int, style: str = "") -> list[Line]:
    """Returns a label and its text beside it, in as many lines as it takes."""
    rows = textwrap.wrap(text, width - LABEL, break_on_hyphens=False) or [""]
    return [
        (f"{label if not number else '':<{LABEL}}{row}".rstrip(), style) for number, row in enumerate(rows)
    ]


def wrapped(text: str, width: int, *, indent: int = 0, style: str = "") -> list[Line]:
    """Returns a text in lines that fit, those after the first indented."""
    rows = textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    return [(row, style) for row in rows]


def clipped(text: str, room: int) -> str:
    """Returns the text, cut with an ellipsis where it is longer than `room`."""
    return text if len(text) <= room else f"{text[: room - 1]}…"
