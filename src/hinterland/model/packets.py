"""The packets that a link carried or dropped in one trial, as columns."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

HEAD_BYTES = 128
"""How much of each packet is kept at least: its headers and the first bytes of what they carry."""

FATES = ("delivered", "lost", "queue", "scripted", "cut", "too_big")
"""What became of a packet: handed over, or dropped by random loss, by a full queue or CoDel, by a scripted
drop, by a cut, or because it was larger than the link's MTU."""

DROPPED = -1


class PacketLog(Struct, frozen=True):
    """One entry for each IP packet that entered the link, in the order of entry.

    hosts: names; source and destination are int16 indexes into it. sent_ns: int64, when it entered.
    done_ns: int64, when it was handed to the far end, -1 where it was dropped. size_bytes: int32, the whole
    IP packet. fate: int8, an index into FATES. duplicate: bool, a copy that the link made.
    head: uint8 of shape (packets, W), the packet's first bytes from its IP header on, zeros after its end; W
    is HEAD_BYTES or more, the whole of the largest packet where the log is short. left_out: packets that
    came after the log was full.
    """

    hosts: tuple[str, ...]
    source: NDArray[np.int16]
    destination: NDArray[np.int16]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    size_bytes: NDArray[np.int32]
    fate: NDArray[np.int8]
    duplicate: NDArray[np.bool_]
    head: NDArray[np.uint8]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.sent_ns)


class PacketView(Struct, frozen=True):
    """What the report draws of one trial's packets; see `Ladder` of the manifest.

    rtt_ms: the link's round trip, None where it has none. start_ms, end_ms: the stretch to draw, from the
    first packet on.
    """

    caption: str
    trial: str
    treatment: str
    log: PacketLog
    rtt_ms: float | None = None
    start_ms: float = 0.0
    end_ms: float | None = None
