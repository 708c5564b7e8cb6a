"""Random numbers that belong to a visit: the same for the same seed, however many processes share the load.

A stream is one sequence of a counter-based generator (Philox; Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011), in which any place can be reached at once. Visit 17 reads place 17.
Numbers are drawn in blocks with NumPy, for the visits of this process alone: about 0.1 us each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hinterland.errors import UsageError

Raw = NDArray[np.uint64]
T = TypeVar("T")

BLOCK = 4096
"""Visits of a process whose numbers are drawn at once; Philox makes 4 numbers a step, which divides it."""
MOST_ZIPF_KEYS = 10_000_000
"""A table of 8 bytes a key is kept for them, in each process."""
_WORD = (1 << 64) - 1


class Stream(Generic[T]):
    """What each visit draws. `finish` makes values of raw numbers: an array of shape (visits, width).

    `number` tells the streams of a seed apart. `stride` is the number of processes: visits that it divides
    with the same remainder are drawn together, any other visit is answered as well, only more slowly.
    """

    __slots__ = ("_finish", "_key", "_start", "_stride", "_values", "_width")

    def __init__(
        self, seed: int, number: int, stride: int, finish: Callable[[Raw], list[T]], *, width: int = 1
    ) -> None:
        self._key = np.array([seed & _WORD, number], dtype=np.uint64)
        self._stride, self._finish, self._width = stride, finish, width
        self._start, self._values = 0, list[T]()

    def __call__(self, visit: int) -> T:
        place, other = divmod(visit - self._start, self._stride)
        if other or not 0 <= place < len(self._values):
            place = self._draw(visit)
        return self._values[place]

    def _draw(self, visit: int) -> int:
        """Draws the block of a visit; returns its place there."""
        span = BLOCK * self._stride
        first, own = visit - visit % span, visit % self._stride
        generator: Any = np.random.Philox(key=self._key, counter=first * self._width // 4)
        raw: Raw = generator.random_raw(span * self._width).reshape(span, self._width)
        self._values = self._finish(raw[own :: self._stride])
        self._start = first + own
        return (visit - self._start) // self._stride


def uniform(raw: Raw) -> NDArray[np.float64]:
    """Returns numbers from 0 up to but not including 1, evenly spread over multiples of 2**-53."""
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def whole(low: int, high: int) -> Callable[[Raw], list[int]]:
    """Returns what draws whole numbers from `low` to `high`, both included."""
    count = high - low + 1

    def finish(raw: Raw) -> list[int]:
        return [low + number for number in (raw[:, 0] % np.uint64(count)).tolist()]

    return finish


def chosen(weights: list[float]) -> Callable[[Raw], list[int]]:
    """Returns what draws places in `weights`, each as often as its weight is of their sum."""
    shares = np.cumsum(np.asarray(weights, dtype=np.float64))
    shares /= shares[-1]

    def finish(raw: Raw) -> list[int]:
        places: list[int] = np.searchsorted(shares, uniform(raw[:, 0]), side="right").tolist()
        return places

    return finish


def zipf_shares(keys: int, exponent: float) -> NDArray[np.float64]:
    """Returns how often each key from 1 to `keys` is drawn: in proportion to 1 / key ** exponent."""
    weights = np.arange(1, keys + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum())


def key(keys: int, exponent: float) -> Callable[[Raw], list[int]]:
    """Returns what draws keys from 1 to `keys`: uniform at exponent 0, else Zipf by the inverse of its CDF.

    That is exact: no approximation of the distribution, whatever the exponent. Raises UsageError.
    """
    if keys < 1 or not 0 <= exponent < 20:
        raise UsageError(
            f"keys={keys}, zipf={exponent}: there must be a key, and the exponent lie between 0 and 20.",
            "Give keys=1000 and zipf=1.",
        )
    if exponent == 0:
        return whole(1, keys)
    if keys > MOST_ZIPF_KEYS:
        raise UsageError(
            f"keys={keys} are more than the {MOST_ZIPF_KEYS:,} that a Zipf table holds.",
            "Give fewer; beyond them each is rare anyway.",
        )
    shares = np.cumsum(zipf_shares(keys, exponent))
    shares[-1] = 1.0

    def finish(raw: Raw) -> list[int]:
        return [place + 1 for place in np.searchsorted(shares, uniform(raw[:, 0]), side="right").tolist()]

    return finish


def uuids(raw: Raw) -> list[tuple[int, int]]:
    """Returns the halves of random UUIDs (RFC 9562, version 4), of raw numbers of width 2."""
    high = raw[:, 0] & np.uint64(_WORD ^ 0xF000) | np.uint64(0x4000)
    low = raw[:, 1] & np.uint64((1 << 62) - 1) | np.uint64(1 << 63)
    return list(zip(high.tolist(), low.tolist(), strict=True))
