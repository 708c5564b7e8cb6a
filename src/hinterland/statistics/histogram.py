"""Times in bins of equal relative width: what any number of operations and processes can add up to.

Bins are log-linear. Up to 2047 ns each bin holds one value; above, each doubling is cut into 1024 bins, so
that a bin is at most 1/1024 of its value wide: a time read from it is at most 0.1 % too high and never too
low. The same idea as HdrHistogram's (Gil Tene), with the place of a value taken from the bits of its float64.
Merging is adding, so a percentile over several processes is that of all their operations.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from hinterland.statistics.counts import Counts

Ns = NDArray[np.int64]

_BITS = 10
_IN_OCTAVE = 1 << _BITS
HIGHEST_NS = (1 << 46) - 1
"""About 19.5 hours. Longer times fall into the last bin."""
BINS = (46 - _BITS + 1) * _IN_OCTAVE
"""How many bins there are."""
# A float64 has 52 bits behind the leading one, its exponent above them counts from -1023.
_MANTISSA = 52 - _BITS
_FIRST = (1023 + _BITS - 1) << _BITS
# Below this many values it is cheaper to sort them than to go through all bins.
_FEW = 2048


def bin_of(values: Ns) -> NDArray[np.int32]:
    """Returns the bin of each time in ns; negative times count as 0."""
    clipped = np.clip(values, 0, HIGHEST_NS)
    places = (clipped.astype(np.float64).view(np.int64) >> _MANTISSA) - _FIRST
    return np.where(clipped < _IN_OCTAVE, clipped, places).astype(np.int32)


def upper_ns(bins: NDArray[np.int32] | int) -> Ns:
    """Returns the highest time in ns that falls into each bin."""
    bins = np.asarray(bins, dtype=np.int64)
    shift = np.maximum((bins >> _BITS) - 1, 0)
    return np.where(bins < 2 * _IN_OCTAVE, bins, (((bins & (_IN_OCTAVE - 1)) + _IN_OCTAVE + 1) << shift) - 1)


def lower_ns(bins: NDArray[np.int32] | int) -> Ns:
    """Returns the lowest time in ns that falls into each bin."""
    bins = np.asarray(bins, dtype=np.int64)
    shift = np.maximum((bins >> _BITS) - 1, 0)
    return np.where(bins < 2 * _IN_OCTAVE, bins, ((bins & (_IN_OCTAVE - 1)) + _IN_OCTAVE) << shift)


def coarse(counts: Counts, width: int) -> Counts:
    """Returns the same times in bins `width` times as wide (a power of 2 up to 1024), each named by its last.

    The result is one of the same bins: it merges with any other, and its times are at most width / 1024 too
    high.
    """
    bins, places = np.unique(counts.bins | (width - 1), return_inverse=True)
    # bincount counts in float64, which is exact up to 2**53.
    summed = np.bincount(places, weights=counts.counts, minlength=len(bins)).astype(np.int64)
    return Counts(
        bins.astype(np.int32), summed, counts.missing, counts.least_ns, counts.most_ns, counts.total_ns
    )


def counts_of(values_ns: Ns, missing: int = 0) -> Counts:
    """Returns a histogram of these times, in ns, and of so many operations without one."""
    return Times.of(values_ns).counts(np.ones(len(values_ns), dtype=np.bool_), missing)


class Times(Struct, frozen=True):
    """Times in ns with the bin of each, for several histograms over parts of them."""

    values: Ns
    bins: NDArray[np.int32]

    @classmethod
    def of(cls, values_ns: Ns) -> Times:
        values = np.maximum(values_ns, 0)
        return cls(values, bin_of(values))

    def counts(self, chosen: NDArray[np.bool_], missing: int = 0) -> Counts:
        """Returns a histogram of the chosen ones, and of so many operations without a time."""
        values, bins = self.values[chosen], self.bins[chosen]
        if not len(values):
            return Counts(np.empty(0, np.int32), np.empty(0, np.int64), missing)
        places, counts = _counted(bins)
        return Counts(places, counts, missing, int(values.min()), int(values.max()), int(values.sum()))


def merged(one: Counts, other: Counts) -> Counts:
    """Returns the histogram of everything that either counted."""
    if not len(one.bins) or not len(other.bins):
        held, empty = (one, other) if len(one.bins) else (other, one)
        return structs.replace(held, missing=held.missing + empty.missing)
    bins, places = np.unique(np.concatenate([one.bins, other.bins]), return_inverse=True)
    counts = np.zeros(len(bins), dtype=np.int64)
    np.add.at(counts, places, np.concatenate([one.counts, other.counts]))
    return Counts(
        bins,
        counts,
        one.missing + other.missing,
        min(one.least_ns, other.least_ns),
        max(one.most_ns, other.most_ns),
        one.total_ns + other.total_ns,
    )


def _counted(bins: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns the bins that occur, ascending, and how often each does."""
    if len(bins) < _FEW:
        return np.unique(bins, return_counts=True)
    counts = np.bincount(bins)
    (places,) = np.nonzero(counts)
    return places.astype(np.int32), counts[places]


class Histogram:
    """How often each time occurred, and how many operations have none because no good answer came.

    Those are `missing`, and lie above every bin: a percentile over all operations that falls among them is
    infinite.
    """

    __slots__ = ("_bins", "least_ns", "missing", "most_ns", "total_ns", "values")

    def __init__(self) -> None:
        self._bins: NDArray[np.int64] = np.zeros(BINS, dtype=np.int64)
        self.values = self.missing = 0
        self.least_ns = self.most_ns = self.total_ns = 0

    @classmethod
    def from_counts(cls, counts: Counts) -> Histogram:
        """Returns the histogram that `counts` was taken of."""
        made = cls()
        made.merge(counts)
        return made

    @property
    def operations(self) -> int:
        """All of them, with a time or missing."""
        return self.values + self.missing

    def add(self, values_ns: Ns) -> None:
        """Counts these times, in ns."""
        self.merge(counts_of(np.asarray(values_ns, dtype=np.int64)))

    def add_missing(self, count: int) -> None:
        """Counts operations that never had a good answer."""
        self.missing += count

    def merge(self, other: Histogram | Counts) -> None:
        """Adds everything that the other one counted."""
        if isinstance(other, Counts):
            self._bins[other.bins] += other.counts
            values = int(other.counts.sum())
        else:
            self._bins += other._bins
            values = other.values
        self.missing += other.missing
        self._extremes(values, other.least_ns, other.most_ns, other.total_ns)

    def counts(self) -> Counts:
        """Returns it as numbers, sparse."""
        (bins,) = np.nonzero(self._bins)
        return Counts(
            bins.astype(np.int32),
            self._bins[bins],
            self.missing,
            self.least_ns,
            self.most_ns,
            self.total_ns,
        )

    def clear(self) -> None:
        """Forgets everything."""
        self._bins[:] = 0
        self.values = self.missing = 0
        self.least_ns = self.most_ns = self.total_ns = 0

    def percentile(self, q: float) -> float:
        """Returns the time in s within which a share `q` (0 to 1) of all operations ended.

        It is the least bin that at least that share lies in or below, by its upper edge: an operation's own
        time, at most 0.1 % too high. Infinite where it falls among the missing, nan without any operation.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"q={q} must be between 0 and 1")
        if not self.operations:
            return math.nan
        # A share such as 0.99 is not exact in binary: the hair keeps 0.99 of 100 at the 99th, not the 100th.
        rank = max(1, math.ceil(q * self.operations * (1 - 1e-12)))
        if rank > self.values:
            return math.inf
        place = int(np.searchsorted(np.cumsum(self._bins), rank))
        if place == BINS - 1:
            return self.most_ns / 1e9
        return min(max(int(upper_ns(place)), self.least_ns), self.most_ns) / 1e9

    def share_below(self, limit_s: float) -> float:
        """Returns the share of all operations that surely ended within `limit_s`; nan without any."""
        if not self.operations:
            return math.nan
        limit_ns = round(limit_s * 1e9) if math.isfinite(limit_s) else HIGHEST_NS
        if limit_ns >= self.most_ns:
            return self.values / self.operations
        place = int(bin_of(np.array([limit_ns + 1]))[0])
        return float(self._bins[:place].sum()) / self.operations

    def mean(self) -> float:
        """Returns the mean in s of the times there are, exact; nan without any."""
        return self.total_ns / self.values / 1e9 if self.values else math.nan

    def max(self) -> float:
        """Returns the longest time there is in s, exact; nan without any."""
        return self.most_ns / 1e9 if self.values else math.nan

    def _extremes(self, values: int, least_ns: int, most_ns: int, total_ns: int) -> None:
        if not values:
            return
        self.least_ns = min(self.least_ns, least_ns) if self.values else least_ns
        self.most_ns = max(self.most_ns, most_ns)
        self.total_ns += total_ns
        self.values += values
