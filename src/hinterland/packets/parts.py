"""Parts of a packet log: what a packet view should show where a link carried more than that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hinterland.model.packets import PacketLog

VERSION_4, VERSION_6 = 4, 6
PORTS_V6 = 40
"""Where the ports stand in an IPv6 packet without extension headers."""


def of_port(log: PacketLog, port: int) -> PacketLog:
    """Returns the packets that go from or to `port`, TCP's or UDP's, in the order of the log.

    Fragments after the first carry no ports and are left out.
    """
    first = log.head[:, 0] if len(log) else np.zeros(0, np.uint8)
    version = first >> 4
    place = np.where(version == VERSION_6, PORTS_V6, (first & 15).astype(np.int64) * 4)
    rows, columns = np.arange(len(log)), place[:, None] + np.arange(4)
    bytes_ = log.head[rows[:, None], np.minimum(columns, log.head.shape[1] - 1)].astype(np.int64)
    source, destination = bytes_[:, 0] << 8 | bytes_[:, 1], bytes_[:, 2] << 8 | bytes_[:, 3]
    kept = ((source == port) | (destination == port)) & ((version == VERSION_4) | (version == VERSION_6))
    return _part(log, kept)


def since(log: PacketLog, t_ns: int) -> PacketLog:
    """Returns the packets that entered the link at `t_ns` or later."""
    return _part(log, log.sent_ns >= t_ns)


def _part(log: PacketLog, kept: NDArray[np.bool_]) -> PacketLog:
    return PacketLog(
        hosts=log.hosts,
        source=log.source[kept],
        destination=log.destination[kept],
        sent_ns=log.sent_ns[kept],
        done_ns=log.done_ns[kept],
        size_bytes=log.size_bytes[kept],
        fate=log.fate[kept],
        duplicate=log.duplicate[kept],
        head=log.head[kept],
        left_out=log.left_out,
    )
