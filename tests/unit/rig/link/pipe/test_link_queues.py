"""Drop-tail and CoDel, step by step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.rig.link.pipe.codel import INTERVAL_NS, CoDel, control_law
from hinterland.rig.link.pipe.queues import FULL, DropTail
from hinterland.rig.link.pipe.rate import MS_NS, FixedRate

ONE_MS_EACH = 12.0
"""The rate at which 1500 bytes take a millisecond."""


def test_what_does_not_fit_is_dropped_and_later_there_is_room_again() -> None:
    queue = DropTail(FixedRate(ONE_MS_EACH, 0), 3000)

    assert queue.enter(0, 1500) == 1 * MS_NS
    assert queue.enter(0, 1500) == 2 * MS_NS
    assert queue.enter(0, 1500) == FULL
    assert queue.enter(1 * MS_NS - 1, 1500) == FULL
    assert queue.enter(1 * MS_NS, 1500) == 3 * MS_NS


def test_an_idle_link_takes_a_packet_larger_than_its_queue() -> None:
    queue = DropTail(FixedRate(ONE_MS_EACH, 0), 1)

    assert queue.enter(0, 1500) == 1 * MS_NS
    assert queue.enter(MS_NS // 2, 40) == FULL
    assert queue.enter(1 * MS_NS, 1500) == 2 * MS_NS


@settings(deadline=None)
@given(
    st.integers(1500, 20_000),
    st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(20, 1500)), max_size=80),
)
def test_a_queue_never_holds_more_than_its_limit(limit_bytes: int, packets: list[tuple[int, int]]) -> None:
    queue, now_ns = DropTail(FixedRate(ONE_MS_EACH, 0), limit_bytes), 0
    inside: list[tuple[int, int]] = []
    for gap_ns, size_bytes in packets:
        now_ns += gap_ns
        inside = [each for each in inside if each[0] > now_ns]
        waiting_bytes = sum(size for _, size in inside)
        departure_ns = queue.enter(now_ns, size_bytes)
        # It drops exactly what would not fit.
        assert (departure_ns == FULL) == (bool(inside) and waiting_bytes + size_bytes > limit_bytes)
        if departure_ns != FULL:
            inside.append((departure_ns, size_bytes))
            assert queue.waiting_bytes == waiting_bytes + size_bytes <= limit_bytes


def filled(packets: int, entered_ns: int = 0) -> CoDel:
    queue = CoDel(1 << 30)
    for number in range(packets):
        assert queue.enter((entered_ns, 1500, b"", None, number))
    return queue


def served(queue: CoDel, times_ms: list[int]) -> list[tuple[int | None, list[int]]]:
    """Takes a packet at each moment: (which was sent, which were dropped)."""
    found = []
    for time_ms in times_ms:
        packet, dropped = queue.take(time_ms * MS_NS)
        found.append((packet and packet[4], [gone[4] for gone in dropped]))
    return found


def test_a_burst_that_waits_less_than_an_interval_loses_nothing() -> None:
    queue = filled(100)

    assert served(queue, list(range(100))) == [(number, []) for number in range(100)]


def test_it_drops_when_the_wait_has_stayed_above_the_target_for_an_interval() -> None:
    """Worked by hand from the pseudocode of RFC 8289.

    All packets enter at 0; one is sent each 10 ms. At 0 the wait is below 5 ms. At 10 ms it is above: the
    first drop may come 100 ms later, at 110 ms. There packet 11 goes, 12 is sent, count = 1, and the next
    drop is due 100 / sqrt(1) later, at 210 ms. Then count = 2 and 100 / sqrt(2) = 70.7 ms: 280.7, met at
    290. Then count = 3 and 57.7 ms: 338.4, met at 340; count = 4: 388.4, met at 390; count = 5: 433.2, met
    at 440.
    """
    found = served(filled(200), list(range(0, 450, 10)))

    drops = {time_ms * 10: gone for time_ms, (_, gone) in enumerate(found) if gone}
    assert drops == {110: [11], 210: [22], 290: [31], 340: [37], 390: [43], 440: [49]}
    assert [number for number, _ in found[:11]] == list(range(11))
    assert found[11] == (12, [11])


def test_several_drops_that_fell_due_between_two_packets_happen_at_once() -> None:
    queue = filled(200)
    served(queue, [0, 10, 110])

    # Due at 210, 280.7, 338.4, 388.4: all of them by 400 ms.
    assert served(queue, [400]) == [(8, [4, 5, 6, 7])]


def test_it_stops_when_the_wait_falls_below_the_target_and_starts_again_where_it_was() -> None:
    queue = filled(60)
    served(queue, [*range(0, 391, 10), *[391] * 16])
    assert len(queue.packets) == 0
    assert served(queue, [392]) == [(None, [])]

    for number in range(100):
        queue.enter((400 * MS_NS, 1500, b"", None, number))
    # An interval above the target ends at 510. Count had come to 5, from 1, so it goes on with 4: the next
    # drop is due at 560, and not at 610.
    found = served(queue, [401, 410, 510, 580])
    assert [gone for _, gone in found] == [[], [], [2], [4]]


def test_a_nearly_empty_queue_is_left_alone_however_long_it_waited() -> None:
    queue = CoDel(1 << 30)
    for number in range(60):
        queue.enter((0, 1500, b"", None, number))
        queue.enter((0, 1500, b"", None, number))
        sent, dropped = queue.take((number + 1) * INTERVAL_NS)
        assert sent is not None
        assert not dropped
        queue.take((number + 1) * INTERVAL_NS)


def test_the_limit_counts_bytes_and_leaves_room_for_one() -> None:
    queue = CoDel(2000)

    assert queue.enter((0, 3000, b"", None, 0))
    assert not queue.enter((0, 20, b"", None, 1))


@pytest.mark.parametrize(("count", "gap_ms"), [(1, 100), (4, 50), (100, 10)])
def test_the_gap_shrinks_with_the_root_of_the_count(count: int, gap_ms: int) -> None:
    assert control_law(0, count) == gap_ms * MS_NS
