"""One direction of a link: takes packets, decides what becomes of each, and says when the rest are due.

It never looks at a clock and does no I/O: the same packets at the same moments with the same seed meet the
same fates. Every stage draws from a stream of its own, so that changing one leaves the others' choices alone.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol

from hinterland.rig.link.pipe.codel import CoDel
from hinterland.rig.link.pipe.loss import Loss, loss_of
from hinterland.rig.link.pipe.queues import FULL, DropTail
from hinterland.rig.link.pipe.rate import Capacity, capacity_of
from hinterland.rig.link.pipe.script import Script
from hinterland.rig.link.pipe.shape import Shape

DELIVERED, LOST, QUEUE, SCRIPTED, CUT, TOO_BIG = range(6)
"""Indexes into model.packets.FATES, which can't be imported where numpy is too slow to load."""

NEVER = 1 << 62
NO_INDEX = -1
MS_NS = 1_000_000

Entry = tuple[int, bytes, Any, int]
"""(when it is due, frame, where to, index in the log)."""


class Watcher(Protocol):
    """Is told what a pipe does to packets that it had taken."""

    def copied(self, index: int) -> int:
        """Returns the index of a copy of packet `index`."""
        ...

    def dropped(self, index: int, fate: int) -> None:
        """Hears that packet `index` is gone."""
        ...


class Pipe:
    """One direction with one shape, which may change while packets are under way.

    skip: bytes before the IP header in each frame. seed: any text. taken: packets and copies let in or
    dropped so far; dropped: how many met each fate. `dropped[DELIVERED]` stays 0.
    """

    def __init__(
        self, shape: Shape, seed: str, now_ns: int = 0, *, skip: int = 0, watcher: Watcher | None = None
    ) -> None:
        self.packets = 0
        self.bytes = 0
        self.copies = 0
        self.reordered = 0
        self.dropped = [0] * 6
        self.losses: list[Loss] = []
        self._skip = skip
        self._watcher = watcher
        self._random = {
            name: Random(f"{seed}/{name}").random for name in ("loss", "jitter", "reorder", "duplicate")
        }
        self._wire: deque[Entry] = deque()
        self._held: list[tuple[int, int, Entry]] = []
        self._clock_ns = now_ns
        self._last_due_ns = 0
        self._origin_ns = now_ns
        self._script: Script | None = None
        self._loss: Loss | None = None
        self.shape = Shape()
        self._take_shape(shape, now_ns)

    def _take_shape(self, shape: Shape, now_ns: int) -> None:
        before, self.shape = self.shape, shape
        # What stays as it was goes on where it was: a cut and its end must not start a script again.
        if shape.drop != before.drop:
            self._script = Script(shape.drop) if shape.drop else None
        if (shape.loss, shape.burst) != (before.loss, before.burst):
            self._loss = loss_of(shape, self._random["loss"])
            if self._loss is not None:
                self.losses.append(self._loss)
        # The common pipe has none of these, and asks one question instead of five.
        self._picky = bool(shape.cut or shape.mtu or shape.drop or shape.duplicate or self._loss)
        self._delay_ns = round(shape.delay_ms * MS_NS)
        self._jitter_ns = round(shape.jitter_ms * MS_NS)
        self._held_back_ns = round(shape.held_back_ms * MS_NS)
        self._uneven = bool(shape.jitter_ms or shape.reorder)
        self._capacity: Capacity | None = capacity_of(
            shape, self._origin_ns if shape.trace is not None else now_ns
        )
        self._queue: DropTail | None = None
        self._codel: CoDel | None = None
        if self._capacity is not None:
            limit_bytes = shape.queue_limit_bytes(self._capacity.mean_mbit)
            if shape.discipline == "codel":
                self._codel = CoDel(limit_bytes)
            else:
                self._queue = DropTail(self._capacity, limit_bytes)

    def offer(self, now_ns: int, frame: bytes, to: Any = None, index: int = NO_INDEX) -> int:
        """Returns the packet's fate: DELIVERED for one that is now under way, else why it was dropped.

        `to` and `index` come back with it. A moment before an earlier one counts as that one.
        """
        if now_ns < self._clock_ns:
            now_ns = self._clock_ns
        self._clock_ns = now_ns
        size_bytes = len(frame) - self._skip
        self.packets += 1
        self.bytes += size_bytes
        if self._picky:
            fate = self._refuses(frame, size_bytes)
            if fate:
                return self._drop(index, fate)
            if self.shape.duplicate and self._random["duplicate"]() < self.shape.duplicate:
                self.copies += 1
                twin = self._watcher.copied(index) if self._watcher is not None else NO_INDEX
                fate = self._enqueue(now_ns, size_bytes, frame, to, index)
                self._enqueue(now_ns, size_bytes, frame, to, twin)
                return fate
        return self._enqueue(now_ns, size_bytes, frame, to, index)

    def due(self, now_ns: int) -> list[Entry]:
        """Returns the packets whose moment has come, in the order in which they arrive."""
        if self._codel is not None:
            self._serve(now_ns)
        wire = self._wire
        found: list[Entry] = []
        while wire and wire[0][0] <= now_ns:
            found.append(wire.popleft())
        if self._held and self._held[0][0] <= now_ns:
            while self._held and self._held[0][0] <= now_ns:
                found.append(heappop(self._held)[2])
            found.sort(key=lambda entry: entry[0])
        return found

    def next_ns(self) -> int:
        """Returns when `due` has something next, or may have; NEVER when nothing is under way."""
        soonest = self._wire[0][0] if self._wire else NEVER
        if self._held and self._held[0][0] < soonest:
            soonest = self._held[0][0]
        if self._codel is not None and self._codel.packets and self._capacity is not None:
            # What is still in the queue comes after the wire's, which is why only a bare wire asks.
            soonest = min(soonest, max(self._capacity.free_ns, self._codel.packets[0][0]))
        return soonest

    def change(self, now_ns: int, shape: Shape) -> None:
        """Takes another shape.

        What still waits in the queue is queued again under the new shape, or is lost with a cut. What has
        left the queue arrives, no later than a packet that leaves now; so a shorter delay reorders nothing.
        """
        if shape == self.shape:
            return
        now_ns = max(now_ns, self._clock_ns)
        waiting = self._unqueue(now_ns)
        if shape.trace != self.shape.trace:
            # A trace that stays goes on where it was; another one starts from its beginning.
            self._origin_ns = now_ns
        self._take_shape(shape, now_ns)
        latest_ns = now_ns + self._delay_ns + self._jitter_ns
        self._wire = deque((min(entry[0], latest_ns), *entry[1:]) for entry in self._wire)
        self._last_due_ns = self._wire[-1][0] if self._wire else 0
        for frame, to, index in waiting:
            if shape.cut:
                self._drop(index, CUT)
            else:
                self._enqueue(now_ns, len(frame) - self._skip, frame, to, index)

    def _unqueue(self, now_ns: int) -> list[tuple[bytes, Any, int]]:
        """Takes out and returns the packets that have not left the queue."""
        if self._capacity is None:
            return []
        if self._codel is not None:
            self._serve(now_ns)
        waiting: deque[tuple[bytes, Any, int]] = deque()
        while self._wire and self._wire[-1][0] - self._delay_ns > now_ns:
            waiting.appendleft(self._wire.pop()[1:])
        if self._codel is not None:
            waiting.extend(packet[2:] for packet in self._codel.packets)
        return list(waiting)

    def _refuses(self, frame: bytes, size_bytes: int) -> int:
        shape = self.shape
        if shape.cut:
            return CUT
        if shape.mtu is not None and size_bytes > shape.mtu:
            return TOO_BIG
        if self._script is not None and self._script.takes(frame, self._skip):
            return SCRIPTED
        return LOST if self._loss is not None and self._loss.takes() else DELIVERED

    def _drop(self, index: int, fate: int) -> int:
        self.dropped[fate] += 1
        if self._watcher is not None:
            self._watcher.dropped(index, fate)
        return fate

    def _enqueue(self, now_ns: int, size_bytes: int, frame: bytes, to: Any, index: int) -> int:
        if self._codel is not None:
            self._serve(now_ns)
            if not self._codel.enter((now_ns, size_bytes, frame, to, index)):
                return self._drop(index, QUEUE)
            return DELIVERED
        if self._queue is not None:
            now_ns = self._queue.enter(now_ns, size_bytes)
            if now_ns == FULL:
                return self._drop(index, QUEUE)
        self._launch(now_ns, frame, to, index)
        return DELIVERED

    def _serve(self, now_ns: int) -> None:
        """Lets leave what could have left the CoDel queue by `now_ns`, at the moment when it could."""
        codel, capacity = self._codel, self._capacity
        assert codel is not None
        assert capacity is not None
        while codel.packets:
            begin_ns = max(capacity.free_ns, codel.packets[0][0])
            if begin_ns > now_ns:
                return
            packet, dropped = codel.take(begin_ns)
            for gone in dropped:
                self._drop(gone[4], QUEUE)
            if packet is not None:
                _, size_bytes, frame, to, index = packet
                self._launch(capacity.departure(begin_ns, size_bytes), frame, to, index)

    def _launch(self, departure_ns: int, frame: bytes, to: Any, index: int) -> None:
        due_ns = departure_ns + self._delay_ns
        if self._uneven:
            if self._jitter_ns:
                due_ns += round((2 * self._random["jitter"]() - 1) * self._jitter_ns)
            if self.shape.reorder and self._random["reorder"]() < self.shape.reorder:
                self.reordered += 1
                due_ns = max(due_ns, self._last_due_ns) + self._held_back_ns
                heappush(self._held, (due_ns, self.reordered, (due_ns, frame, to, index)))
                return
        if due_ns < self._last_due_ns:
            due_ns = self._last_due_ns
        self._last_due_ns = due_ns
        self._wire.append((due_ns, frame, to, index))

    def report(self) -> dict[str, Any]:
        """Returns its counters as JSON values; audit.py judges them."""
        return {
            "packets": self.packets,
            "bytes": self.bytes,
            "copies": self.copies,
            "reordered": self.reordered,
            "dropped": list(self.dropped),
            "losses": [
                {
                    "share": loss.share,
                    "burst_packets": loss.burst_packets,
                    "tried": loss.tried,
                    "lost": loss.lost,
                    "deviation": loss.deviation(),
                }
                for loss in self.losses
            ],
        }
