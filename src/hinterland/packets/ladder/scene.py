"""What a ladder's drawing is made from, and how each kind of packet looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hinterland.packets.dissection import Kind, Packet
from hinterland.packets.ladder.bundles import FEW, Bundle
from hinterland.packets.ladder.layout import Stage
from hinterland.packets.ladder.time import TimeAxis

STYLES: dict[Kind, tuple[str, str]] = {
    "open": ("s0", ""),
    "secure": ("s3", ""),
    "data": ("s2", ""),
    "ack": ("s5", "2 3"),
    "close": ("s4", "7 4"),
    "other": ("s5", "9 3 2 3"),
}
"""Colour and dashes of each kind."""

AGAIN = "s1"


@dataclass(frozen=True)
class Scene:
    """All that is drawn. `rtt_ns`: 0 where the link has no delay to speak of."""

    packets: Sequence[Packet]
    ends_ns: Sequence[float]
    bundles: Sequence[Bundle]
    axis: TimeAxis
    stage: Stage
    rtt_ns: float
    lower: dict[int, float] = field(default_factory=dict)
    """By how much an arrow is drawn below its place, by the packet's index."""

    @property
    def thin(self) -> bool:
        return len(self.packets) > FEW

    @property
    def bottom(self) -> float:
        """Where the last arrow ends, or time does."""
        ends = zip(self.packets, self.ends_ns, strict=True)
        lowest = max(self.axis.at(end) + self.lower.get(packet.index, 0.0) for packet, end in ends)
        return max(lowest, self.axis.bottom)

    def leaves(self, packet: Packet) -> float:
        """Returns the pixel at which a packet's arrow begins."""
        return self.axis.at(packet.sent_ns) + self.lower.get(packet.index, 0.0)


def style(packet: Packet) -> tuple[str, str]:
    """Returns the colour class and the dashes of a packet's arrow."""
    colour, dash = STYLES[packet.kind]
    return (AGAIN if packet.again else colour), dash
