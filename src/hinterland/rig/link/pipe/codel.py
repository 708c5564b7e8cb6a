"""CoDel: a queue that drops by how long packets waited, not by how many there are (RFC 8289)."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Any

from hinterland.rig.link.pipe.shape import FULL_PACKET_BYTES

TARGET_NS = 5_000_000
INTERVAL_NS = 100_000_000

Waiting = tuple[int, int, bytes, Any, int]
"""(when it entered, size in bytes, frame, where to, index in the log)."""


class CoDel:
    """The queue of RFC 8289, section 5: a target of 5 ms, an interval of 100 ms, and a limit in bytes.

    Names follow the pseudocode there, so that the two can be read side by side.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.waiting_bytes = 0
        self.packets: deque[Waiting] = deque()
        self._first_above_ns = 0
        self._drop_next_ns = 0
        self._count = 0
        self._last_count = 0
        self._dropping = False

    def enter(self, packet: Waiting) -> bool:
        """Returns whether there was room; one packet always fits."""
        size_bytes = packet[1]
        if self.packets and self.waiting_bytes + size_bytes > self.limit_bytes:
            return False
        self.packets.append(packet)
        self.waiting_bytes += size_bytes
        return True

    def take(self, now_ns: int) -> tuple[Waiting | None, list[Waiting]]:
        """Returns the packet to send at `now_ns`, if any is left, and those dropped on the way to it."""
        dropped: list[Waiting] = []
        packet, ok_to_drop = self._dequeue(now_ns)
        if packet is None:
            self._dropping = False
            return None, dropped
        if self._dropping:
            if not ok_to_drop:
                self._dropping = False
            while packet is not None and self._dropping and now_ns >= self._drop_next_ns:
                dropped.append(packet)
                self._count += 1
                packet, ok_to_drop = self._dequeue(now_ns)
                if ok_to_drop:
                    self._drop_next_ns = control_law(self._drop_next_ns, self._count)
                else:
                    self._dropping = False
        elif ok_to_drop:
            dropped.append(packet)
            packet, _ = self._dequeue(now_ns)
            self._dropping = True
            # If it dropped a short while ago, it goes on at about the rate that held the queue then.
            delta = self._count - self._last_count
            recently = now_ns - self._drop_next_ns < 16 * INTERVAL_NS
            self._count = delta if delta > 1 and recently else 1
            self._drop_next_ns = control_law(now_ns, self._count)
            self._last_count = self._count
        return packet, dropped

    def _dequeue(self, now_ns: int) -> tuple[Waiting | None, bool]:
        """Takes the head; says whether packets have waited too long for a whole interval."""
        if not self.packets:
            self._first_above_ns = 0
            return None, False
        packet = self.packets.popleft()
        self.waiting_bytes -= packet[1]
        # With less than a full packet waiting a drop could only idle the link.
        if now_ns - packet[0] < TARGET_NS or self.waiting_bytes <= FULL_PACKET_BYTES:
            self._first_above_ns = 0
            return packet, False
        if self._first_above_ns == 0:
            self._first_above_ns = now_ns + INTERVAL_NS
            return packet, False
        return packet, now_ns >= self._first_above_ns


def control_law(t_ns: int, count: int) -> int:
    """Returns when the next drop is due: the interval shrinks with the square root of the drops so far."""
    return t_ns + round(INTERVAL_NS / sqrt(count))
