"""A queue that drops what comes when it is full (drop-tail)."""

from __future__ import annotations

from collections import deque

from hinterland.rig.link.pipe.rate import Capacity

FULL = -1


class DropTail:
    """First in, first out, with a limit in bytes.

    What waits counts with the packet that is being sent. A packet that finds nothing there is always taken,
    so that a limit smaller than a packet means a link without a buffer.
    """

    def __init__(self, capacity: Capacity, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.waiting_bytes = 0
        self._capacity = capacity
        self._waiting: deque[tuple[int, int]] = deque()

    def enter(self, now_ns: int, size_bytes: int) -> int:
        """Returns when the packet will have left, FULL when it is dropped."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now_ns:
            self.waiting_bytes -= waiting.popleft()[1]
        if waiting and self.waiting_bytes + size_bytes > self.limit_bytes:
            return FULL
        departure_ns = self._capacity.departure(now_ns, size_bytes)
        waiting.append((departure_ns, size_bytes))
        self.waiting_bytes += size_bytes
        return departure_ns
