"""A witness drawn: a lane for each actor, the events from top to bottom, a thread through their order."""

from __future__ import annotations

from collections.abc import Sequence

from hinterland.drawing import numbers
from hinterland.drawing.figure import NARROW_PX, Figure
from hinterland.drawing.svg import COLOURS, Drawing, clip, text_width, wrap
from hinterland.model.verdict import Finding, WitnessEvent

STORY_WIDE_PX = 736.0
TEXT_PX = 13.5
LINE_PX = 18.0


def figure(finding: Finding, key: str) -> Figure | None:
    """Returns the drawing of a finding's witness, or None where it has none."""
    events = sorted(finding.witness, key=lambda event: event.t_ms)
    if not events:
        return None
    told = " ".join(f"{when(event, events)}, {event.actor}: {event.says}." for event in events)
    drawings = []
    for word, width in (("wide", STORY_WIDE_PX), ("narrow", NARROW_PX)):
        drawing = Drawing(f"{key}-{word}", width, f"Witness of {finding.kind.replace('_', ' ')}", told)
        _draw(drawing, events)
        drawings.append(drawing)
    rows = tuple((when(event, events), event.actor, event.says) for event in events)
    return Figure(
        caption(finding),
        drawings[0],
        drawings[1],
        ("When", "Who", "What"),
        rows,
        summary="The same events as a table",
    )


def caption(finding: Finding) -> str:
    """Returns the finding as one sentence."""
    key = f" ({finding.key})" if finding.key and finding.key not in finding.says else ""
    return f"{finding.kind.replace('_', ' ').capitalize()}{key}: {finding.says.rstrip('.')}."


def when(event: WitnessEvent, events: Sequence[WitnessEvent]) -> str:
    """Returns the time since the first event: the story starts at 0 ms."""
    return numbers.quantity(event.t_ms - events[0].t_ms, "ms") if event is not events[0] else "0 ms"


def actors_of(events: Sequence[WitnessEvent]) -> list[str]:
    return list(dict.fromkeys(event.actor for event in events))


def _draw(drawing: Drawing, events: Sequence[WitnessEvent]) -> None:
    """Wide, each lane is headed by its actor; narrow, the actor stands before what happened."""
    narrow = drawing.width < 500
    actors = actors_of(events)
    time_room = max(text_width(when(event, events), 12.5) for event in events) + 10
    lane = 20.0 if narrow else _lane_width(actors, drawing.width - time_room)
    headed = lane > 40
    first = time_room + lane / 2
    says_left = time_room + lane * len(actors) + 8
    y = 26.0 if headed else 4.0
    if headed:
        for number, actor in enumerate(actors):
            words = clip(actor, lane - 8, 12.5, bold=True)
            drawing.text(
                first + lane * number, 14, words, size=12.5, anchor="middle", bold=True, css=_css(number)
            )
    places: list[tuple[float, float, int]] = []
    top = y
    for event in events:
        number = actors.index(event.actor)
        words = event.says if headed else f"{event.actor}: {event.says}"
        rows = wrap(words, drawing.width - says_left, TEXT_PX)
        drawing.text(time_room - 10, y + 15, when(event, events), size=12.5, anchor="end", css="quiet")
        for row_number, row in enumerate(rows):
            drawing.text(says_left, y + 15 + LINE_PX * row_number, row, size=TEXT_PX)
        places.append((first + lane * number, y + 10.5, number))
        y += LINE_PX * len(rows) + 10
    drawing.height = y
    _lanes(drawing, places, [first + lane * number for number in range(len(actors))], top, y - 6)


def _lanes(
    drawing: Drawing,
    places: Sequence[tuple[float, float, int]],
    lanes: Sequence[float],
    top: float,
    end: float,
) -> None:
    for x in lanes:
        drawing.line(x, top, x, end, "lane")
    drawing.path([(x, y) for x, y, _ in places], "thread")
    for x, y, number in places:
        drawing.mark(number, x, y, f"mark {_css(number)}", radius=6)


def _lane_width(actors: Sequence[str], room: float) -> float:
    """Wide enough for the longest name, as long as half of the room stays for what happened."""
    wanted = max(text_width(actor, 12.5, bold=True) for actor in actors) + 20
    width = min(max(wanted, 64.0), 0.5 * room / len(actors))
    return width if width >= 56 else 22.0


def _css(number: int) -> str:
    return f"s{number % COLOURS}"
