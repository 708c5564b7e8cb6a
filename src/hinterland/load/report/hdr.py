"""A load as an HdrHistogram log, which the tools around HdrHistogram read and merge.

Format: the interval log and the V2 compressed encoding of HdrHistogram (Gil Tene), version 1.3 of the log.
Values are nanoseconds, three significant digits. A line a second, of response times; then one of the whole
load's service times, tagged `service`. An operation without a good answer is counted at the highest value,
an hour: above all others, as in our own percentiles.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hinterland.load.result.record import LoadRecord
from hinterland.load.worker.fold import SECOND_WIDTH
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import coarse, upper_ns

HIGHEST_NS = 3_600_000_000_000
DIGITS = 3
_HALF = 1024
"""Half of the 2048 sub-buckets that three significant digits take."""
_V2_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10


def log(record: LoadRecord) -> str:
    """Returns the log of a load: a line for each measured second, and one of its service times."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: LoadRecord) -> Iterator[str]:
    result = record.result
    if result is None:
        return
    yield f"#[Logged with hinterland {record.version}: {record.url}]"
    yield "#[Response times in ns since each operation was due; Tag=service: since it was sent]"
    if result.response.missing:
        missing = result.response.missing
        yield f"#[Counted at {HIGHEST_NS // 10**9} s: {missing} operations without a good answer]"
    yield "#[Histogram log format version 1.3]"
    yield f"#[StartTime: {record.started_at:.3f} (seconds since epoch)]"
    yield f"#[BaseTime: {record.started_at:.3f} (seconds since epoch)]"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    warm_up_s = result.plan.warm_up_s
    whole = [one for one in result.seconds if one.second >= warm_up_s]
    if warm_up_s % 1:
        yield _line(warm_up_s, 1 - warm_up_s % 1, without(result.response, [one.response for one in whole]))
    for one in whole:
        if one.response.counts.size or one.response.missing:
            yield _line(one.second, 1.0, one.response)
    yield f"Tag=service,{_line(warm_up_s, result.window_s, result.service)}"


def without(counts: Counts, parts: Sequence[Counts]) -> Counts:
    """Returns what is left of a histogram without its parts, in the coarser bins of a second."""
    left = coarse(counts, SECOND_WIDTH)
    bins = {int(place): int(count) for place, count in zip(left.bins, left.counts, strict=True)}
    for part in parts:
        for place, count in zip(part.bins.tolist(), part.counts.tolist(), strict=True):
            bins[place] = bins.get(place, 0) - count
    kept = sorted((place, count) for place, count in bins.items() if count > 0)
    return Counts(
        np.array([place for place, _ in kept], dtype=np.int32),
        np.array([count for _, count in kept], dtype=np.int64),
        max(0, counts.missing - sum(part.missing for part in parts)),
        most_ns=int(upper_ns(kept[-1][0])) if kept else 0,
    )


def _line(start_s: float, length_s: float, counts: Counts) -> str:
    longest_ns = HIGHEST_NS if counts.missing else min(counts.most_ns, HIGHEST_NS)
    return f"{start_s:.3f},{length_s:.3f},{longest_ns / 1e6:.3f},{encoded(counts)}"


def encoded(counts: Counts) -> str:
    """Returns a histogram in the V2 compressed encoding, as base64."""
    payload = b"".join(_words(counts))
    # Payload length, index offset, digits, lowest and highest value, ratio of integers to doubles.
    header = struct.pack(">iiiiqqd", _V2_COOKIE, len(payload), 0, DIGITS, 1, HIGHEST_NS, 1.0)
    packed = zlib.compress(header + payload)
    return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode()


def _words(counts: Counts) -> Iterator[bytes]:
    """Yields the counts by index as ZigZag LEB128; a run of empty ones is its length, negated."""
    times = np.minimum(np.asarray(upper_ns(counts.bins), dtype=np.int64), HIGHEST_NS)
    found: dict[int, int] = {}
    for place, count in zip(_places(times).tolist(), counts.counts.tolist(), strict=True):
        found[place] = found.get(place, 0) + count
    if counts.missing:
        last = int(_places(np.array([HIGHEST_NS]))[0])
        found[last] = found.get(last, 0) + counts.missing
    at = 0
    for place in sorted(found):
        if place > at:
            yield _zigzag(at - place)
        yield _zigzag(found[place])
        at = place + 1


def _places(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the index of each value among HdrHistogram's counts."""
    # Values below 2048 have a place each; above, each doubling has 1024.
    bucket = np.maximum(np.floor(np.log2(np.maximum(times, 1))).astype(np.int64) - 10, 0)
    sub_bucket = times >> bucket
    # A value next to a power of two may be rounded up by log2.
    wrong = (sub_bucket < _HALF) & (bucket > 0)
    bucket = np.where(wrong, bucket - 1, bucket)
    sub_bucket = times >> bucket
    places: NDArray[np.int64] = (bucket + 1) * _HALF + sub_bucket - _HALF
    return places


def _zigzag(value: int) -> bytes:
    """Returns a signed number as HdrHistogram writes it: ZigZag, then seven bits a byte, at most nine."""
    left = ((value << 1) ^ (value >> 63)) & 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    for _ in range(8):
        if left < 0x80:
            out.append(left)
            return bytes(out)
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left & 0xFF)
    return bytes(out)
