"""A ladder drawn: lifelines downwards, an arrow from sent to arrived for each packet, labels at the sides.

What a packet is for shows in colour and in the dashes of its line; sent again in a thicker line that begins
with a diamond; a drop in a cross where it died. Nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from hinterland.drawing import numbers
from hinterland.drawing.svg import Drawing, clip, polygon, text_width
from hinterland.packets.dissection import Packet
from hinterland.packets.ladder import labels as ladder_labels
from hinterland.packets.ladder import words as ladder_words
from hinterland.packets.ladder.layout import Stage, way_gone
from hinterland.packets.ladder.scene import AGAIN, STYLES, Scene, style
from hinterland.packets.ladder.time import BREAK_PX

_LEGEND_PX, _STAGGER_PX = 20.0, 15.0
_PHASES = 5
_LOOKS: dict[str, tuple[str, str]] = dict(STYLES.items())


def draw(drawing: Drawing, scene: Scene) -> None:
    """Fills the drawing and sets its height. The axis must begin below `head_px`."""
    # A label of the last moment reaches 17 px below it.
    drawing.height = scene.bottom + 18
    _bands(drawing, scene)
    _heads(drawing, scene)
    _lifelines(drawing, scene)
    _arrows(drawing, scene)
    _silences(drawing, scene)
    ladder_labels.write(drawing, scene)
    legend(drawing, scene.packets)


def head_px(packets: Sequence[Packet], stage: Stage) -> float:
    """Returns how much room the legend and the names of the hosts take above the time axis."""
    return (
        _LEGEND_PX * len(_legend_rows(packets, stage.width))
        + (44 if stage.lanes else 32)
        + (_STAGGER_PX if stage.staggered else 0)
    )


# The legend: only what is there.


def _legend_rows(packets: Sequence[Packet], width: float) -> list[list[tuple[float, str, str]]]:
    """Returns rows of (place, what, words), broken to fit the width."""
    kinds = {packet.kind for packet in packets if not packet.again}
    items: list[tuple[str, str]] = [
        (kind, words) for kind, words in ladder_words.KINDS.items() if kind in kinds
    ]
    if any(packet.sending == "again" for packet in packets):
        items.append(("again", "sent again"))
    if any(packet.sending == "spurious" for packet in packets):
        items.append(("spurious", "sent again in vain"))
    if any(packet.dropped for packet in packets):
        items.append(("drop", "dropped"))
    rows: list[list[tuple[float, str, str]]] = [[]]
    place = 0.0
    for what, words in items:
        room = 34 + text_width(words, 12.0)
        if place + room > width and rows[-1]:
            rows.append([])
            place = 0.0
        rows[-1].append((place, what, words))
        place += room + 10
    return rows


def legend(drawing: Drawing, packets: Sequence[Packet]) -> None:
    """Draws a sample of each kind of arrow with its word."""
    for number, row in enumerate(_legend_rows(packets, drawing.width)):
        y = 12 + _LEGEND_PX * number
        for x, what, words in row:
            if what == "drop":
                _cross(drawing, [(x + 13, y - 4)])
            else:
                colour, dash = _LOOKS.get(what, (AGAIN, ""))
                again = what in ("again", "spurious")
                drawing.strokes([(x, y - 4, x + 21, y - 4)], _line_css(colour, again, False), dash=dash)
                drawing.outlines([_head(x, y - 4, x + 27, y - 4, 6.5)], f"packet-head {colour}")
                if again:
                    _tails(drawing, [(x + 5, y - 4)], what == "spurious", 4.2)
            drawing.text(x + 33, y, clip(words, drawing.width - x - 33, 12.0), size=12.0, css="quiet")


# The stage: bands of a round trip, hosts, lifelines, silences.


def _bands(drawing: Drawing, scene: Scene) -> None:
    """Draws every second round trip shaded, and writes round trips and time at the side."""
    stage, axis = scene.stage, scene.axis
    left, right = stage.gutter - 2, stage.right_edge
    last = axis.top - 30.0
    for count, time_ns in _ticks(scene):
        y = axis.at(time_ns)
        if scene.rtt_ns and count % 2 == 1:
            for start, end in axis.uncut(time_ns, min(axis.end_ns, time_ns + scene.rtt_ns)):
                height = axis.at(end) - axis.at(start)
                drawing.rect(stage.left_edge, axis.at(start), right - stage.left_edge, height, "round-trip")
        if axis.is_cut(time_ns) or y - last < (28 if scene.rtt_ns else 18):
            continue
        last = y
        drawing.line(left - 4, y, left, y, "axis")
        text = numbers.quantity((time_ns - axis.start_ns) / 1e6, "ms") if time_ns > axis.start_ns else "0 ms"
        written = [(text, stage.size - 1.5, "quiet", 4.0)]
        if scene.rtt_ns and count:
            trips = f"{count} RTT"
            written = [(trips, stage.size, "", 2.0), (text, stage.size - 1.5, "quiet", 2 + stage.size)]
        for words, size, css, lower in written:
            fitting = min(size, size * (left - 8) / text_width(words, size))
            drawing.text(left - 8, y + lower, words, size=fitting, anchor="end", css=css)


def _ticks(scene: Scene) -> list[tuple[int, float]]:
    """Returns (number, moment) of the round trips, or of round times where there is no delay."""
    axis = scene.axis
    step = scene.rtt_ns or _round_ns(60 * axis.ns_per_px)
    count = min(int((axis.end_ns - axis.start_ns) / step), 5000)
    return [(number, axis.start_ns + step * number) for number in range(count + 1)]


def _round_ns(rough_ns: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(rough_ns, 1.0)))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough_ns * 0.999)


def _heads(drawing: Drawing, scene: Scene) -> None:
    """Writes the hosts above their lifelines, and the numbers of connections above their lanes."""
    stage, top = scene.stage, scene.axis.top
    y = top - (28 if stage.lanes else 14)
    centres = [(stage.left_edge + stage.xs[0]) / 2, *stage.xs[1:]]
    if len(stage.xs) == 2:
        centres[1] = (stage.xs[1] + stage.right_edge) / 2
    rows = 2 if stage.staggered else 1
    for place, host in enumerate(stage.hosts):
        near = [
            abs(centres[place + way] - centres[place])
            for way in (-rows, rows)
            if 0 <= place + way < len(centres)
        ]
        room = min([*near, 2 * centres[place], 2 * (stage.width - centres[place])]) - 6
        size = stage.size + 1
        words = clip(host, room, size, bold=True)
        above = _STAGGER_PX * (rows - 1 - place % rows)
        drawing.text(centres[place], y - above, words, size=size, anchor="middle", bold=True)
    for number in range(stage.lanes):
        for host in stage.hosts:
            x = stage.x(host, number)
            drawing.text(x, top - 13, str(number + 1), size=stage.lane, anchor="middle", css="quiet")


def _lifelines(drawing: Drawing, scene: Scene) -> None:
    stage, axis = scene.stage, scene.axis
    for host in stage.hosts:
        for number in range(max(stage.lanes, 1)):
            x = stage.x(host, number)
            drawing.line(x, axis.top - 8, x, scene.bottom + 10, "lifeline")


def _silences(drawing: Drawing, scene: Scene) -> None:
    """Draws each cut silence as a torn strip over all lifelines that says how long it lasted."""
    stage, axis = scene.stage, scene.axis
    left, right = stage.left_edge - 6, stage.right_edge + 6
    for silence in axis.silences:
        y = axis.at(silence.start_ns)
        steps = max(int((right - left) / 7), 2)
        wave = [(left + (right - left) * k / steps, 4.0 if k % 2 else 0.0) for k in range(steps + 1)]
        upper = [(x, y + 6 + dy) for x, dy in wave]
        lower = [(x, y + BREAK_PX - 6 - dy) for x, dy in wave]
        drawing.path([*upper, *reversed(lower)], "torn", closed=True)
        drawing.path(upper, "tear")
        drawing.path(lower, "tear")
        length = (silence.end_ns - silence.start_ns) / 1e6
        words = f"{numbers.quantity(length, 'ms', digits=2)} of silence"
        if text_width(words, stage.size - 1) > right - left - 4:
            words = numbers.quantity(length, "ms", digits=2)
        middle = (left + right) / 2
        drawing.text(
            middle, y + BREAK_PX / 2 + 3.5, words, size=stage.size - 1, anchor="middle", css="quiet halo"
        )


# The arrows.


def _arrows(drawing: Drawing, scene: Scene) -> None:
    """Draws the packets, ordinary ones below, those that were sent again above, crosses on top."""
    lines: dict[tuple[str, str, bool], list[tuple[float, float, float, float]]] = defaultdict(list)
    heads: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    tails: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    crosses = []
    size = 8.0 if not scene.thin else 5.0 if len(scene.packets) < 200 else 3.6
    dense = sum(packet.again for packet in scene.packets) > 40
    for packet, end_ns in zip(scene.packets, scene.ends_ns, strict=True):
        x1, y1 = scene.stage.x(packet.source, packet.connection), scene.leaves(packet)
        far = scene.stage.x(packet.destination, packet.connection)
        x2 = x1 + way_gone(packet) * (far - x1)
        y2 = scene.axis.at(end_ns) + y1 - scene.axis.at(packet.sent_ns)
        colour, dash = style(packet)
        lines[colour, dash, packet.again].append((x1, y1, x2, y2))
        if packet.dropped:
            crosses.append((x2, y2))
        elif packet.done_ns >= 0:
            heads[colour].append(_head(x1, y1, x2, y2, size))
        if packet.again:
            tails[packet.sending == "spurious"].append((x1 + (5 if far > x1 else -5), y1))
    for (colour, dash, again), places in sorted(lines.items(), key=lambda item: item[0][2]):
        css = _line_css(colour, again, scene.thin) + (" dense" if dense and scene.thin else "")
        # Many dashed lines side by side would make stripes, were their dashes in step.
        for phase in range(_PHASES if scene.thin and dash else 1):
            drawing.strokes(
                places[phase :: _PHASES if scene.thin and dash else 1], css, dash=dash, phase=2.0 * phase
            )
    for colour, shapes in heads.items():
        drawing.outlines(shapes, f"packet-head {colour}")
    for spurious, where in tails.items():
        _tails(drawing, where, spurious, 4.6 if not scene.thin else 2.2 if dense else 3.4)
    _cross(drawing, crosses, 5.0 if not scene.thin else 2.6 if len(crosses) > 30 else 3.6)


def _line_css(colour: str, again: bool, thin: bool) -> str:
    return f"packet {colour}{' again' if again else ''}{' thin' if thin else ''}"


def _head(x1: float, y1: float, x2: float, y2: float, size: float) -> list[tuple[float, float]]:
    """Returns the head of an arrow that ends at (x2, y2)."""
    angle = math.atan2(y2 - y1, x2 - x1)
    spread = 0.4
    return [
        (x2, y2),
        (x2 - size * math.cos(angle - spread), y2 - size * math.sin(angle - spread)),
        (x2 - size * math.cos(angle + spread), y2 - size * math.sin(angle + spread)),
    ]


def _tails(drawing: Drawing, places: Sequence[tuple[float, float]], hollow: bool, radius: float) -> None:
    """Draws the diamonds that mark what was sent again, hollow where that was in vain."""
    css = f"packet-again {AGAIN}{' hollow' if hollow else ''}"
    drawing.outlines([polygon(x, y, radius, 4) for x, y in places], css)


def _cross(drawing: Drawing, places: Sequence[tuple[float, float]], arm: float = 4.5) -> None:
    strokes = []
    for x, y in places:
        strokes += [(x - arm, y - arm, x + arm, y + arm), (x - arm, y + arm, x + arm, y - arm)]
    dense = arm < 3
    if not dense:
        drawing.strokes(strokes, "drop-back")
    drawing.strokes(strokes, "drop dense" if dense else "drop")
