"""The report in a terminal: the same story as the page, readable without colour and on ASCII alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hinterland.drawing import numbers, scale
from hinterland.model.experiment import Chart, show
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Evidence, Finding, Verdict
from hinterland.report import answer, story, verdicts, weather, witness
from hinterland.report.charts import charts
from hinterland.report.charts.samples import Sample, collect, level_text, levels_of, name_of

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

STYLES = {"holds": "bold green", "refuted": "bold red", "inconclusive": "bold yellow"}
BARS = "▏▎▍▌▋▊▉█"
SPARKS = "▁▂▃▄▅▆▇█"
EXPECTED = "│"
MOST_ROWS = 24
MOST_CHARTS = 3
MOST_WITNESSES = 2
ASCII = {"●": "+", "■": "x", "○": "?", "─": "-", "├": "|", "┤": "|", "◆": "o", "◇": "o", "┊": ":", "◀": "<"}
ASCII |= {
    "▶": ">",
    "·": ".",
    "◉": "@",
    "–": "-",
    "µ": "u",
    "∞": "inf",
    "×": "x",
    "→": "->",
    "…": "...",
    "│": "|",
}
TO_ASCII = str.maketrans(ASCII | dict.fromkeys(BARS, "#"))
ASCII_SPARKS = "_.-=+*%#"


def render(record: RunRecord, *, width: int = 80, store: str = "") -> RenderableType:
    """Returns the report as lines of at most `width` columns, for `Console.print`.

    store: the option that commands to copy need to find the run.
    On a terminal that can't encode them, drawn characters become ASCII.
    """
    return _Report(record, width, store)


class _Report:
    def __init__(self, record: RunRecord, width: int, store: str) -> None:
        self.record, self.width, self.store = record, width, store

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.text import Text

        width = max(40, min(self.width, options.max_width))
        plain = options.ascii_only
        for text, indent, style in _lines(self.record, width, plain, self.store):
            if plain:
                text = text.translate(TO_ASCII).encode("ascii", "replace").decode("ascii")
            for row in _wrapped(text, width, indent):
                yield Text(row, style=style, overflow="fold")


Line = tuple[str, int, str]
"""A line of text, how far its continuation is indented, and its style."""


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    """Breaks a line at spaces; what was aligned on purpose (two spaces in a row) stays where it fits."""
    import textwrap

    if len(text) <= width:
        return [text]
    lead = len(text) - len(text.lstrip(" "))
    return textwrap.wrap(
        text.lstrip(" "),
        width,
        initial_indent=" " * lead,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def _lines(record: RunRecord, width: int, plain: bool, store: str) -> Iterator[Line]:
    info, experiment = record.info, record.info.experiment
    yield f"{experiment.title}  ·  {experiment.id}", 0, "bold"
    yield experiment.question, 0, "italic"
    yield f"{story.counts_say(record)[:1].upper()}{story.counts_say(record)[1:]}.", 0, "dim"
    status = story.status_says(info)
    if status:
        yield f"{info.status.upper()}. {status}", 0, "bold"
    noise = weather.says(record)
    if noise:
        yield noise, 0, "yellow"
    yield "", 0, ""
    for verdict in story.in_order(record.verdicts):
        yield from _verdict(verdict, width)
        yield "", 0, ""
    for says in story.unjudged(record):
        yield f"· not judged: {says}", 2, ""
    if story.unjudged(record):
        yield "", 0, ""
    shown = (experiment.chart or tuple(charts.sensible(record))) if record.trials else ()
    for chart in shown[:MOST_CHARTS]:
        yield from _chart(record, chart, width, plain)
    if len(shown) > MOST_CHARTS:
        yield f"{story.counted(len(shown) - MOST_CHARTS, 'more chart')} in the report.", 2, "dim"
        yield "", 0, ""
    yield from _witnesses(record)
    yield from _trust(record)
    if experiment.prediction.answer:
        yield f"You were asked: {experiment.prediction.ask}", 2, ""
        yield f"Answer: {story.answer(experiment.prediction)}", 2, ""
    here = answer.told(record, experiment.prediction)
    if here:
        yield here, 2, ""
    if experiment.learned:
        yield f"To keep: {experiment.learned}", 2, "bold"
    yield "", 0, ""
    yield from _to_copy("Report", str(Path(record.folder) / "report.html"), width)
    yield from _to_copy("Repeat", story.repeats(info, store)[0][0], width)
    yield from _to_copy("Recheck", story.repeats(info, store)[1][0], width)


def _to_copy(does: str, text: str, width: int) -> Iterator[Line]:
    """Yields a command or path so that it can be copied: a long command has each option in a line of its own.

    A backslash ends each line but the last.
    """
    if len(text) + 9 <= width:
        yield f"{does:<9}{text}", 9, ""
        return
    head, *options = text.split(" --")
    rows = [head, *(f"    --{option}" for option in options)]
    yield does, 0, ""
    for row in rows[:-1]:
        yield f"{row} \\", 0, ""
    yield rows[-1], 4, ""


def _verdict(verdict: Verdict, width: int) -> Iterator[Line]:
    side = "" if verdict.main else " (side claim)"
    through = weather.came_about(verdict)
    how = f", {through}" if through else ""
    head = f"{story.MARKS[verdict.verdict]} {story.WORDS[verdict.verdict].upper()}{how}{side}"
    yield head, 2, STYLES[verdict.verdict]
    yield f"  {verdict.says}", 2, ""
    if verdict.cause:
        yield f"  Why open: {verdict.cause}", 4, ""
    if not verdicts.drawable(verdict):
        if verdict.evidence.says:
            yield f"  Measured: {verdict.evidence.says}", 4, ""
        yield f"  Control: {verdict.control_says.rstrip('.')}; {story.control_says(verdict)}.", 4, ""
        return
    room = max(1, width - 45)
    axis = verdicts.axis(verdict, 0, room - 1)
    for who, part, mark in (("claim", verdict.evidence, "◆"), ("control", verdict.control, "◇")):
        text = verdicts.estimate_text(part)
        row = _strip(part, axis, verdicts.sides(verdict).edges, room, mark)
        yield (f"  {who:<8} {row}  {text}" if room >= 12 else f"  {who:<8} {text}"), 11, ""
    limits = verdicts.sides(verdict).says
    if limits and room >= 12:
        yield f"  {'':<8} {_limit_row(axis, verdicts.sides(verdict).edges, room)}  {limits}", 11, "dim"
    yield f"  Control: {verdict.control_says.rstrip('.')}; {story.control_says(verdict)}.", 4, "dim"


def _strip(part: Evidence, axis: scale.Scale, edges: Sequence[float], room: int, mark: str) -> str:
    """Returns the interval as characters: `┊   ├──◆───┤`; an arrow head where it has no bound."""
    cells = _limit_cells(axis, edges, room)
    if part.estimate is None or not math.isfinite(part.estimate):
        return "".join(cells)
    low = None if part.low is None or not math.isfinite(part.low) else _cell(axis, part.low, room)
    high = None if part.high is None or not math.isfinite(part.high) else _cell(axis, part.high, room)
    first, last = (0 if low is None else low), (room - 1 if high is None else high)
    for cell in range(first, last + 1):
        cells[cell] = "─"
    cells[first] = "◀" if low is None else "├"
    cells[last] = "▶" if high is None else "┤"
    cells[_cell(axis, part.estimate, room)] = mark
    return "".join(cells)


def _limit_cells(axis: scale.Scale, edges: Sequence[float], room: int) -> list[str]:
    cells = [" "] * room
    for edge in edges:
        cells[_cell(axis, edge, room)] = "┊"
    return cells


def _limit_row(axis: scale.Scale, edges: Sequence[float], room: int) -> str:
    return "".join(_limit_cells(axis, edges, room))


def _cell(axis: scale.Scale, value: float, room: int) -> int:
    return min(max(round(axis.at(value)), 0), room - 1)


def _chart(record: RunRecord, chart: Chart, width: int, plain: bool) -> Iterator[Line]:
    experiment = record.info.experiment
    metric = experiment.metric.get(chart.metric)
    samples = collect(record, chart)
    if metric is None or not any(sample.values for sample in samples):
        return
    yield chart.caption, 0, "bold"
    axis_words = charts.axis_words(
        name_of(experiment, chart.metric), metric.unit, charts.BETTER[metric.better]
    )
    along = name_of(experiment, chart.by)
    yield f"  {', '.join(axis_words)}; medians by {along}", 2, "dim"
    if charts.is_line(levels_of(record, chart.by)):
        if charts.is_expecting(samples):
            yield f"  expected: {name_of(experiment, chart.expected)}", 2, "dim"
        yield from _sparklines(record, chart, samples, metric.unit, plain)
    else:
        if charts.is_expecting(samples):
            yield f"  {EXPECTED} and in brackets: {name_of(experiment, chart.expected)}", 2, "dim"
        yield from _bars(record, chart, samples, metric.unit, width)
    yield "", 0, ""


def _bars(
    record: RunRecord, chart: Chart, samples: Sequence[Sample], unit: str, width: int
) -> Iterator[Line]:
    """A bar a group from zero, whose lengths may be compared; a mark along a line where the scale is log."""
    experiment = record.info.experiment
    names = []
    for sample in samples:
        name = level_text(experiment, chart.by, sample.level)
        if chart.series:
            name += f" · {level_text(experiment, chart.series, sample.series)}"
        names.append(name)
    name_room = min(max(map(len, names)), width // 2 - 4)
    figures = _figures(samples, unit)
    room = width - name_room - max(map(len, figures)) - 6
    finite = [value for s in samples for value in (s.median, s.expected) if math.isfinite(value)]
    kind = scale.log if chart.scale == "log" else scale.linear
    axis = kind(finite, 0, max(room, 4))
    for sample, name, figure in list(zip(samples, names, figures, strict=True))[:MOST_ROWS]:
        if not sample.values:
            row = "no valid trial" if sample.missing else "not run yet"
        elif chart.scale == "log":
            row = "·" * (round(axis.at(sample.median)) if sample.median > 0 else 0) + "●"
        else:
            row = _bar(axis.at(sample.median) - axis.at(0.0) if math.isfinite(sample.median) else room)
        if sample.values and math.isfinite(sample.expected):
            zero = 0.0 if chart.scale == "log" else axis.at(0.0)
            row = _marked(row, min(max(round(axis.at(sample.expected) - zero), 0), max(room - 1, 0)))
        yield f"  {_cut(name, name_room):<{name_room}}  {_cut(row, room):<{room}}  {figure}", 4, ""
    if len(samples) > MOST_ROWS:
        yield f"  and {len(samples) - MOST_ROWS} more in the report", 2, "dim"


def _figures(samples: Sequence[Sample], unit: str) -> list[str]:
    """Returns each median, and what is expected of it in brackets, both in columns."""
    medians = [numbers.bare(sample.median, unit) if sample.values else "–" for sample in samples]
    expected = ["" if math.isnan(s.expected) else f"({numbers.bare(s.expected, unit)})" for s in samples]
    room = max(map(len, medians))
    return [f"{median:<{room}}  {other}".rstrip() for median, other in zip(medians, expected, strict=True)]


def _marked(row: str, cell: int) -> str:
    """Returns a bar or line with the mark of the expected value in its place, a ring where both meet."""
    longer = row.ljust(cell + 1)
    return longer[:cell] + ("◉" if longer[cell] == "●" else EXPECTED) + longer[cell + 1 :]


def _bar(length: float) -> str:
    whole = int(length)
    part = int((length - whole) * 8)
    return "█" * whole + (BARS[part - 1] if part else "") or "▏"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def _sparklines(
    record: RunRecord, chart: Chart, samples: Sequence[Sample], unit: str, plain: bool
) -> Iterator[Line]:
    """A sparkline a series, one character a level, all on one scale; its first and last median in figures."""
    experiment = record.info.experiment
    levels = levels_of(record, chart.by)
    finite = [value for s in samples for value in (s.median, s.expected) if math.isfinite(value)]
    axis = (scale.log if chart.scale == "log" else scale.linear)(finite, 0, 7)
    sparks = ASCII_SPARKS if plain else SPARKS
    names = {
        s.series: level_text(experiment, chart.series, s.series) if chart.series else "all" for s in samples
    }
    room = min(max(map(len, [*names.values(), "  expected" * charts.is_expecting(samples)])), 24)
    for series, name in names.items():
        found = {sample.level: sample for sample in samples if sample.series == series}
        medians = [found[level].median if level in found else math.nan for level in levels]
        none = "no valid trial" if any(sample.missing for sample in found.values()) else "not run yet"
        row, ends = _spark(medians, axis, sparks, unit)
        yield f"  {_cut(name, room):<{room}}  {row}  {ends or none}", 4, ""
        expected = [found[level].expected if level in found else math.nan for level in levels]
        row, ends = _spark(expected, axis, sparks, unit)
        if ends:
            yield f"  {'  expected':<{room}}  {row}  {ends}", 4, ""
    first, last = (level_text(experiment, chart.by, level) for level in (levels[0], levels[-1]))
    yield f"  {'':<{room}}  {first} → {last}", 4, "dim"


def _spark(values: Sequence[float], axis: scale.Scale, sparks: str, unit: str) -> tuple[str, str]:
    """Returns a sparkline, empty where no value is known, and its first and last value in figures."""
    row = "".join("   " if math.isnan(v) else sparks[min(7, round(axis.at(v)))] * 3 for v in values)
    known = [v for v in values if not math.isnan(v)]
    return row, " → ".join(dict.fromkeys(numbers.bare(v, unit) for v in (*known[:1], *known[-1:])))


def _witnesses(record: RunRecord) -> Iterator[Line]:
    """Tells a few stories, those of refuted claims first; the report has them all."""
    judged = sorted(story.in_order(record.verdicts), key=lambda verdict: verdict.verdict != "refuted")
    found: list[Finding] = []
    for verdict in judged:
        found += [finding for finding in verdict.witnesses if finding.witness and finding not in found]
    for finding in found[:MOST_WITNESSES]:
        yield f"Witness. {witness.caption(finding)}", 2, "bold"
        events = sorted(finding.witness, key=lambda event: event.t_ms)
        room = max(len(event.actor) for event in events)
        for event in events:
            yield f"  {witness.when(event, events):>8}  {event.actor:<{room}}  {event.says}", 14 + room, ""
        yield "", 0, ""
    if len(found) > MOST_WITNESSES:
        rest = len(found) - MOST_WITNESSES
        yield f"{rest} more {'witness' if rest == 1 else 'witnesses'} in the report.", 2, "dim"
        yield "", 0, ""


def _trust(record: RunRecord) -> Iterator[Line]:
    """What broke, what gave no evidence and what was left out: only what a reader must know."""
    before = False
    for tally in story.tallies(record.trials):
        if tally.broken:
            seen = f" (seen: {'; '.join(tally.measured)})" if tally.measured else ""
            yield f"Assumption broken: {tally.says}: {tally.share}{seen}.", 2, ""
            before = True
    for trouble in story.troubles(record.trials):
        yield f"{trouble.says}: {trouble.cause.rstrip('.')}; no evidence", 2, ""
        for row in trouble.log[-5:]:
            yield f"    {row}", 6, "dim"
        before = True
    for left in record.info.left_out:
        yield f"Left out: {left.factor}={show(left.level)}: {left.why}", 2, ""
        before = True
    if before:
        yield "", 0, ""
