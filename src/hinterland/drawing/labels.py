"""Places labels along a line so that none overlaps and each stays as near as it can to what it names."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Returns the centres of labels, in the order given, each `sizes[i]` long, none overlapping.

    The sum of squared moves is the least possible (isotonic regression by pooling adjacent violators, Ayer
    and others 1955) before the labels are pushed between `low` and `high`. Where they can't all fit they run
    over `high`: the caller makes room.
    """
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    offsets: list[float] = []
    for place, index in enumerate(order):
        previous = order[place - 1] if place else index
        gap = (sizes[previous] + sizes[index]) / 2 if place else 0.0
        offsets.append((offsets[-1] if place else 0.0) + gap)
    pools: list[tuple[float, int]] = []
    for index, offset in zip(order, offsets, strict=True):
        mean, count = wanted[index] - offset, 1
        while pools and pools[-1][0] >= mean:
            earlier, weight = pools.pop()
            mean, count = (earlier * weight + mean * count) / (weight + count), weight + count
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    centres = [0.0] * len(wanted)
    for index, offset, mean in zip(order, offsets, flat, strict=True):
        centres[index] = mean + offset
    return _between(centres, sizes, order, low, high)


def _between(
    centres: list[float], sizes: Sequence[float], order: list[int], low: float, high: float
) -> list[float]:
    """Pushes labels back from the high end, then up from the low end, which wins where there is no room."""
    edge = high
    for index in reversed(order):
        centres[index] = min(centres[index], edge - sizes[index] / 2)
        edge = centres[index] - sizes[index] / 2
    edge = low
    for index in order:
        centres[index] = max(centres[index], edge + sizes[index] / 2)
        edge = centres[index] + sizes[index] / 2
    return centres
