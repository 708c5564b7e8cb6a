"""What a process used of the machine: from the mark to the moment that counts no more."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from hinterland.load.worker.vitals import Vitals


def work(cpu_s: float) -> None:
    end_ns = time.thread_time_ns() + round(cpu_s * 1e9)
    while time.thread_time_ns() < end_ns:
        pass


def test_what_is_used_after_the_end_does_not_count() -> None:
    vitals = Vitals()
    work(0.02)
    vitals.hold()
    used = vitals.used()
    assert used.cpu_share * used.elapsed_ns >= 0.02e9
    work(0.02)
    after = vitals.used()
    assert replace(after, max_rss_bytes=used.max_rss_bytes) == used
    assert after.max_rss_bytes >= used.max_rss_bytes > 0


def test_a_new_mark_counts_from_there() -> None:
    vitals = Vitals()
    work(0.02)
    vitals.hold()
    vitals.mark()
    work(0.005)
    used = vitals.used()
    assert used.cpu_share * used.elapsed_ns == pytest.approx(0.005e9, rel=0.9)
    assert 0 <= used.run_delay_share <= 1
