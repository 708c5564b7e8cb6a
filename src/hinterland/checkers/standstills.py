"""What waited for a machine that stood still (`t.rig.standstills()`): no part of what a system cost."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hinterland.model.history import LoadSample

Span = tuple[int, int]
"""From when until when, in ns of CLOCK_MONOTONIC."""
Mask = NDArray[np.bool_]

AT_ONCE_NS = 1_000_000
"""Who is sent so soon after it was due found no queue."""


def kept_waiting(sample: LoadSample, spans: Iterable[Span]) -> Mask:
    """Returns which operations of a load met a standstill, or stood in the queue that it left."""
    found = np.zeros(len(sample.sent_ns), bool)
    for begun, ended in spans:
        at_once = (sample.intended_ns >= ended) & (sample.sent_ns - sample.intended_ns < AT_ONCE_NS)
        queue_gone_ns = sample.intended_ns[at_once].min(initial=sample.end_ns)
        found |= (sample.done_ns >= begun) & (sample.intended_ns < queue_gone_ns)
    return found


def waited_ns(operations: Iterable[Span], spans: Iterable[Span]) -> int:
    """Returns for how long operations, of which there was one at a time, waited for the machine."""
    spans = list(spans)
    return sum(
        max(0, min(done, until) - max(begun, since)) for begun, done in operations for since, until in spans
    )


def stood_during(begin_ns: NDArray[np.int64], end_ns: NDArray[np.int64], spans: Iterable[Span]) -> Mask:
    """Returns during which of these times the machine stood still, if only in part."""
    found = np.zeros(len(begin_ns), bool)
    for since, until in spans:
        found |= (end_ns > since) & (begin_ns < until)
    return found
