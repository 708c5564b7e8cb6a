"""The labels of a ladder: name, size and remark of a packet or a bundle, beside where it left."""

from __future__ import annotations

from collections.abc import Sequence

from hinterland.drawing import labels
from hinterland.drawing.svg import Drawing, clip, run_width
from hinterland.packets.ladder import words as ladder_words
from hinterland.packets.ladder.bundles import Bundle
from hinterland.packets.ladder.layout import Stage
from hinterland.packets.ladder.scene import Scene, style


def write(drawing: Drawing, scene: Scene) -> None:
    """Writes the labels beside what they name, moved only as far as they must be, and never over another."""
    stage, axis = scene.stage, scene.axis
    for on_left in (True, False):
        column = [bundle for bundle in scene.bundles if stage.on_left(bundle.first) == on_left]
        wanted = [_middle(bundle, scene) for bundle in column]
        sizes = [stage.pitch] * len(column)
        centres = labels.spread(wanted, sizes, axis.top - 8, scene.bottom + 14)
        edge = stage.left_edge if on_left else stage.right_edge
        reach = 16.0 if stage.narrow else 34.0
        way = -1 if on_left else 1
        room = edge - reach - stage.gutter - 2 if on_left else stage.width - edge - reach
        for bundle, y, centre in zip(column, wanted, centres, strict=True):
            colour = style(bundle.plain)[0]
            start = _bracket(drawing, bundle, scene, edge, way)
            if len(stage.hosts) > 2:
                start = max(stage.x(host, -1) for host in (bundle.first.source, bundle.first.destination)) + 3
            bend = edge + (reach - 6) * way
            drawing.path([(start, y), (edge + 9 * way, y), (bend, centre)], f"leader {colour}")
            _label(drawing, bundle, stage, edge + reach * way, centre + 0.32 * stage.size, room, on_left)
        drawing.height = max(drawing.height, *(centre + stage.pitch for centre in centres), 0.0)


def _middle(bundle: Bundle, scene: Scene) -> float:
    """Returns where a label wants to stand: where its packets leave, or an arrow to the right ends."""
    stage, first = scene.stage, bundle.first
    middle = (scene.leaves(first) + scene.leaves(bundle.last)) / 2
    if len(stage.hosts) > 2 and stage.x(first.destination, -1) > stage.x(first.source, -1):
        took = first.done_ns - first.sent_ns if first.done_ns >= 0 else 0
        return middle + scene.axis.at(first.sent_ns + took) - scene.axis.at(first.sent_ns)
    return middle


def _bracket(drawing: Drawing, bundle: Bundle, scene: Scene, edge: float, way: int) -> float:
    """Draws the bracket that holds the packets of a bundle together; returns where its leader begins.

    Where connections have lanes, bundles of one moment overlap, and brackets would only tangle.
    """
    if len(bundle.packets) == 1 or scene.stage.lanes:
        return edge + 3 * way
    top, bottom = scene.leaves(bundle.first), scene.leaves(bundle.last)
    x = edge + 6 * way
    css = f"bracket {style(bundle.plain)[0]}"
    drawing.path([(x - 3 * way, top), (x, top), (x, bottom), (x - 3 * way, bottom)], css)
    return x


def _label(
    drawing: Drawing, bundle: Bundle, stage: Stage, x: float, y: float, room: float, on_left: bool
) -> None:
    """Writes connection, name, size and remark in one line, as much of it as there is room for."""
    numbered = {packet.connection for packet in bundle.packets}
    number = f"{bundle.first.connection + 1}:" if stage.lanes and len(numbered) == 1 else ""
    css = f"label {style(bundle.plain)[0]}"
    gap = 0.4 * stage.size
    shown: list[tuple[str, str, bool]] = []
    for name, carries, remark in _wordings(bundle):
        parts = [(number, "quiet", False), (name, css, False), (carries, "quiet", False), (remark, "", True)]
        shown = [part for part in parts if part[0]]
        if run_width(shown, stage.size, gap) <= room:
            break
    else:
        shown = _squeezed(shown, css, room, stage.size, gap)
    drawing.run(x, y, shown, size=stage.size, anchor="end" if on_left else "start", gap=gap)


def _squeezed(
    parts: Sequence[tuple[str, str, bool]], name_css: str, room: float, size: float, gap: float
) -> list[tuple[str, str, bool]]:
    """Returns the parts with the name's end left out, or all of it, then that of the last part."""
    others = [part for part in parts if part[1] != name_css]
    spare = room - run_width(others, size, gap) - gap
    if spare > 2.5 * size:
        return [(clip(part[0], spare, size), *part[1:]) if part[1] == name_css else part for part in parts]
    kept = others if others and others[-1][2] else [part for part in parts if part[1] == name_css]
    *before, (text, css, bold) = kept
    left = room - run_width(before, size, gap) - (gap if before else 0)
    return [*before, (clip(text, left, size, bold=bold), css, bold)]


def _wordings(bundle: Bundle) -> list[tuple[str, str, str]]:
    """Returns name, size and remark of a label, from the fullest to the shortest."""
    names = ladder_words.shorter_names(bundle.packets)
    short = ladder_words.short_remarks(bundle.packets)
    remark = ladder_words.remarks(bundle.packets)
    carries = ladder_words.size(bundle.packets)
    whole = names[0]
    shorter = [(name, "", short) for name in names]
    return [(whole, carries, remark), (whole, "", remark), *shorter]
