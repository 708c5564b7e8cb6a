"""Caches that differ in one thing alone: whom they throw out. `get(key)` says whether the key was there.

A key that was not there is fetched, as by any cache in front of a database, and kept from then on.
"""

from __future__ import annotations

import functools
from collections import OrderedDict, deque
from heapq import heappop, heappush, heapreplace


class Lru:
    """Throws out whatever was asked for the longest time ago. A hit moves the key to the end of the queue."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.queue = capacity, OrderedDict[int, None]()

    def get(self, key: int) -> bool:
        if key in self.queue:
            self.queue.move_to_end(key)
            return True
        if len(self.queue) >= self.capacity:
            self.queue.popitem(last=False)
        self.queue[key] = None
        return False


class Functools:
    """The LRU cache of Python's standard library, written in C."""

    def __init__(self, capacity: int) -> None:
        self.fetched = 0
        self.ask = functools.lru_cache(maxsize=capacity)(self._fetch)

    def _fetch(self, key: int) -> None:
        self.fetched += 1

    def get(self, key: int) -> bool:
        before = self.fetched
        self.ask(key)
        return self.fetched == before


class Fifo:
    """Throws out whatever came in the longest time ago. A hit changes nothing, so hits need no lock."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.queue = capacity, OrderedDict[int, None]()

    def get(self, key: int) -> bool:
        if key in self.queue:
            return True
        if len(self.queue) >= self.capacity:
            self.queue.popitem(last=False)
        self.queue[key] = None
        return False


class Lfu:
    """Throws out whatever was asked for least often since it came in. It never forgets, and that costs."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.times, self.clock = capacity, dict[int, int](), 0
        self.heap: list[
            tuple[int, int, int]
        ] = []  # Times when last looked at, a clock to break ties, the key.

    def get(self, key: int) -> bool:
        if key in self.times:
            self.times[key] += 1
            return True
        if len(self.times) >= self.capacity:
            self._evict()
        self.times[key] = 1
        self.clock += 1
        heappush(self.heap, (1, self.clock, key))
        return False

    def _evict(self) -> None:
        while True:
            times, since, key = self.heap[0]
            if self.times[key] == times:
                heappop(self.heap)
                del self.times[key]
                return
            # It was asked for in the meantime: put it where it belongs now.
            heapreplace(self.heap, (self.times[key], since, key))


class Sieve:
    """A queue in order of arrival, a mark on whatever was asked for again, a hand that goes from old to new.

    The hand takes marks away and throws out the first key without one. Who is spared stays where it is, and
    the hand goes on from there, so that newcomers are looked at soon (Zhang et al., NSDI 2024).
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.marked: dict[int, bool] = {}
        self.newer: dict[int, int | None] = {}
        self.older: dict[int, int | None] = {}
        self.newest: int | None = None
        self.oldest: int | None = None
        self.hand: int | None = None

    def get(self, key: int) -> bool:
        if key in self.marked:
            self.marked[key] = True
            return True
        if len(self.marked) >= self.capacity:
            self._evict()
        self.marked[key] = False
        self.older[key], self.newer[key] = self.newest, None
        if self.newest is None:
            self.oldest = key
        else:
            self.newer[self.newest] = key
        self.newest = key
        return False

    def _evict(self) -> None:
        hand = self.oldest if self.hand is None else self.hand
        assert hand is not None
        while self.marked[hand]:
            self.marked[hand] = False
            following = self.newer[hand]
            hand = self.oldest if following is None else following
            assert hand is not None
        newer, older = self.newer.pop(hand), self.older.pop(hand)
        if older is None:
            self.oldest = newer
        else:
            self.newer[older] = newer
        if newer is None:
            self.newest = older
        else:
            self.older[newer] = older
        self.hand = newer
        del self.marked[hand]


class S3Fifo:
    """Three queues: a tenth of the room on trial, the rest for who came again, names of who failed the trial.

    Most keys are asked for once; they leave by the small queue and never take room in the large one (Yang et
    al., SOSP 2023).
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.on_trial = capacity, max(1, capacity // 10)
        self.small, self.large = deque[int](), deque[int]()
        self.failed = OrderedDict[int, None]()
        self.times: dict[int, int] = {}

    def get(self, key: int) -> bool:
        if key in self.times:
            self.times[key] = min(3, self.times[key] + 1)
            return True
        if len(self.times) >= self.capacity:
            self._evict()
        (self.large if key in self.failed else self.small).append(key)
        self.failed.pop(key, None)
        self.times[key] = 0
        return False

    def _evict(self) -> None:
        while len(self.small) >= self.on_trial:
            key = self.small.popleft()
            if self.times[key] <= 1:
                del self.times[key]
                self.failed[key] = None
                if len(self.failed) > self.capacity - self.on_trial:
                    self.failed.popitem(last=False)
                return
            self.times[key] = 0
            self.large.append(key)
        while True:
            key = self.large.popleft()
            if self.times[key] == 0:
                del self.times[key]
                return
            self.times[key] -= 1
            self.large.append(key)


CACHES = {
    "lru": Lru,
    "functools": Functools,
    "fifo": Fifo,
    "lfu": Lfu,
    "sieve": Sieve,
    "s3fifo": S3Fifo,
}
