"""One direction: order, conservation, seeds, and changes while packets are under way."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_samples import SYN, ipv4, tcp

from hinterland.model.packets import FATES
from hinterland.rig.link.pipe.pipe import (
    CUT,
    DELIVERED,
    LOST,
    MS_NS,
    NEVER,
    NO_INDEX,
    QUEUE,
    SCRIPTED,
    TOO_BIG,
    Pipe,
)
from hinterland.rig.link.pipe.shape import Burst, Shape

Arrival = tuple[int, int]
"""(gap in nanoseconds, size in bytes)."""

ARRIVALS = st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(20, 1500)), max_size=60)


class Book:
    """Notes what a pipe says of the packets that it took."""

    def __init__(self) -> None:
        self.gone: dict[int, int] = {}
        self.twins: dict[int, int] = {}

    def copied(self, index: int) -> int:
        self.twins[1000 + index] = index
        return 1000 + index

    def dropped(self, index: int, fate: int) -> None:
        assert index not in self.gone
        self.gone[index] = fate


def run(pipe: Pipe, arrivals: list[Arrival]) -> list[tuple[int, int]]:
    """Offers all, then lets everything arrive; returns (due, index) in the order of arrival."""
    arrived = []
    now_ns = 0
    for index, (gap_ns, size_bytes) in enumerate(arrivals):
        now_ns += gap_ns
        arrived += pipe.due(now_ns)
        pipe.offer(now_ns, bytes(size_bytes), None, index)
    while pipe.next_ns() < NEVER:
        now_ns = max(now_ns, pipe.next_ns())
        arrived += pipe.due(now_ns)
    return [(due_ns, index) for due_ns, _, _, index in arrived]


@st.composite
def shapes(draw: st.DrawFn, reorder: bool = True) -> Shape:
    """Any shape without a trace; with `reorder` it may reorder."""
    fields: dict[str, Any] = {"delay_ms": draw(st.sampled_from([0, 0.3, 5])), "cut": draw(st.booleans())}
    fields["cut"] = fields["cut"] and draw(st.booleans())
    fields["jitter_ms"] = draw(st.sampled_from([0, 1])) * fields["delay_ms"]
    if draw(st.booleans()):
        fields["loss"] = draw(st.sampled_from([0.0, 0.3, 1.0]))
    else:
        fields["burst"] = Burst(0.2, 0.4)
    fields["duplicate"] = draw(st.sampled_from([0.0, 0.3]))
    fields["reorder"] = draw(st.sampled_from([0.0, 0.3])) if reorder else 0.0
    fields["mtu"] = draw(st.sampled_from([None, 1000]))
    if draw(st.booleans()):
        fields["rate_mbit"] = draw(st.sampled_from([0.5, 12, 300]))
        fields["queue_bytes"] = draw(st.sampled_from([None, 3000]))
        fields["discipline"] = draw(st.sampled_from(["droptail", "codel"]))
    return Shape(**fields)


def test_fates_are_those_of_the_model() -> None:
    assert FATES == ("delivered", "lost", "queue", "scripted", "cut", "too_big")
    ours = (DELIVERED, LOST, QUEUE, SCRIPTED, CUT, TOO_BIG)
    assert ours == tuple(range(6))


@settings(deadline=None)
@given(shapes(), ARRIVALS)
def test_every_packet_and_copy_arrives_or_is_dropped_once(shape: Shape, arrivals: list[Arrival]) -> None:
    book = Book()
    pipe = Pipe(shape, "seed", watcher=book)

    arrived = [index for _, index in run(pipe, arrivals)]

    everything = sorted([*range(len(arrivals)), *book.twins])
    assert sorted([*arrived, *book.gone]) == everything
    assert (pipe.packets, pipe.copies) == (len(arrivals), len(book.twins))
    assert sum(pipe.dropped) == len(book.gone)
    assert pipe.dropped[DELIVERED] == 0


@settings(deadline=None)
@given(shapes(reorder=False), ARRIVALS)
def test_order_is_kept_without_reordering(shape: Shape, arrivals: list[Arrival]) -> None:
    arrived = [index % 1000 for _, index in run(Pipe(shape, "seed", watcher=Book()), arrivals)]

    assert arrived == sorted(arrived)


@settings(deadline=None)
@given(shapes(), ARRIVALS)
def test_nothing_arrives_before_it_could(shape: Shape, arrivals: list[Arrival]) -> None:
    sent_ns, now_ns = [], 0
    for gap_ns, _ in arrivals:
        now_ns += gap_ns
        sent_ns.append(now_ns)

    arrived = run(Pipe(shape, "seed", watcher=Book()), arrivals)

    least_ns = round((shape.delay_ms - shape.jitter_ms) * MS_NS)
    assert all(due_ns >= sent_ns[index % 1000] + least_ns for due_ns, index in arrived)
    assert [due for due, _ in arrived] == sorted(due for due, _ in arrived)


@settings(deadline=None)
@given(shapes(), ARRIVALS, st.text(max_size=5))
def test_the_same_seed_gives_the_same_fates_at_the_same_moments(
    shape: Shape, arrivals: list[Arrival], seed: str
) -> None:
    first, second = (Pipe(shape, seed, watcher=Book()) for _ in range(2))

    assert run(first, arrivals) == run(second, arrivals)
    assert first.dropped == second.dropped


def test_another_seed_gives_other_fates() -> None:
    arrivals = [(0, 100)] * 200
    shape = Shape(loss=0.5)

    assert run(Pipe(shape, "1"), arrivals) != run(Pipe(shape, "2"), arrivals)


def test_what_else_a_shape_does_leaves_the_losses_alone() -> None:
    arrivals = [(0, 100)] * 300

    def lost(**more: Any) -> set[int]:
        book = Book()
        run(Pipe(Shape(loss=0.2, delay_ms=3, **more), "seed", watcher=book), arrivals)
        return {index for index, fate in book.gone.items() if fate == LOST}

    assert lost() == lost(jitter_ms=2) == lost(reorder=0.5) == lost(duplicate=0.5) != set()


@settings(deadline=None)
@given(st.sampled_from(["droptail", "codel"]), st.sampled_from([1.0, 12.0, 400.0]), ARRIVALS)
def test_the_rate_holds_over_every_window_but_for_one_packet(
    discipline: Any, rate_mbit: float, arrivals: list[Arrival]
) -> None:
    pipe = Pipe(Shape(rate_mbit=rate_mbit, delay_ms=2, discipline=discipline), "seed")
    arrived = run(pipe, arrivals)

    for first, (begin_ns, _) in enumerate(arrived):
        size_bytes = 0
        for end_ns, index in arrived[first + 1 :]:
            size_bytes += arrivals[index][1]
            assert size_bytes * 8000 / rate_mbit <= (end_ns - begin_ns) * (1 + 1e-9) + 1


@settings(deadline=None)
@given(st.sampled_from(["droptail", "codel"]), st.integers(1500, 9000), ARRIVALS)
def test_a_full_queue_drops_and_a_link_never_idles_while_packets_wait(
    discipline: Any, limit_bytes: int, arrivals: list[Arrival]
) -> None:
    pipe = Pipe(Shape(rate_mbit=12, queue_bytes=limit_bytes, discipline=discipline), "seed")
    arrived = run(pipe, arrivals)

    sent_ns, now_ns = [], 0
    for gap_ns, _ in arrivals:
        now_ns += gap_ns
        sent_ns.append(now_ns)
    free_ns = 0
    for due_ns, index in arrived:
        size_bytes = arrivals[index][1]
        expected_ns = max(free_ns, sent_ns[index]) + size_bytes * 8000 / 12
        assert due_ns == pytest.approx(expected_ns, abs=2)
        # CoDel's limit leaves out the packet being sent, hence two full packets and not one.
        assert (due_ns - sent_ns[index]) * 12 / 8000 <= limit_bytes + 2 * 1500
        free_ns = due_ns


@pytest.mark.parametrize(("jitter_ms", "least"), [(0, 0), (2, 20)])
def test_jitter_spreads_the_delay_around_its_middle(jitter_ms: float, least: int) -> None:
    # 10 ms apart, no packet waits for the one before.
    arrived = run(Pipe(Shape(delay_ms=5, jitter_ms=jitter_ms), "seed"), [(10 * MS_NS, 100)] * 400)
    delays_ms = [(due_ns - 10 * MS_NS * (index + 1)) / MS_NS for due_ns, index in arrived]

    assert min(delays_ms) >= 5 - jitter_ms
    assert max(delays_ms) <= 5 + jitter_ms
    assert sum(delays_ms) / 400 == pytest.approx(5, abs=0.3)
    assert len(set(delays_ms)) >= max(1, least)


def test_a_reordered_packet_comes_after_those_sent_while_it_was_held_back() -> None:
    pipe = Pipe(Shape(delay_ms=8, reorder=0.2), "seed")

    arrived = run(pipe, [(MS_NS // 2, 100)] * 200)
    overtaken = sum(1 for (_, one), (_, two) in pairwise(arrived) if one > two)

    assert pipe.reordered == pytest.approx(40, abs=25)
    # Held back for 2 ms, each is overtaken by the three or four packets after it.
    assert overtaken > pipe.reordered / 3
    assert sorted(index for _, index in arrived) == list(range(200))


def test_a_cut_drops_all_and_a_small_mtu_what_is_larger() -> None:
    assert Pipe(Shape(cut=True), "s").offer(0, bytes(50)) == CUT
    small = Pipe(Shape(mtu=1000), "s")
    assert [small.offer(0, bytes(size)) for size in (1000, 1001)] == [DELIVERED, TOO_BIG]


def test_bytes_before_the_ip_header_do_not_count() -> None:
    pipe = Pipe(Shape(mtu=1000, drop=("syn:1",)), "s", skip=14)

    assert pipe.offer(0, bytes(1014)) == DELIVERED
    assert pipe.offer(0, bytes(14) + ipv4(tcp(SYN))) == SCRIPTED
    assert pipe.bytes == 1000 + 40


def test_a_shorter_delay_hurries_those_under_way_and_reorders_nothing() -> None:
    pipe = Pipe(Shape(delay_ms=100), "s")
    pipe.offer(0, bytes(50), None, 0)
    pipe.offer(10 * MS_NS, bytes(50), None, 1)

    pipe.change(20 * MS_NS, Shape(delay_ms=5))
    pipe.offer(21 * MS_NS, bytes(50), None, 2)

    found = [(due_ns // MS_NS, index) for due_ns, _, _, index in pipe.due(NEVER)]
    assert found == [(25, 0), (25, 1), (26, 2)]


def test_a_longer_delay_leaves_those_under_way_alone() -> None:
    pipe = Pipe(Shape(delay_ms=5), "s")
    pipe.offer(0, bytes(50), None, 0)
    pipe.change(MS_NS, Shape(delay_ms=50))
    pipe.offer(MS_NS, bytes(50), None, 1)

    assert [due_ns // MS_NS for due_ns, *_ in pipe.due(NEVER)] == [5, 51]


@pytest.mark.parametrize("discipline", ["droptail", "codel"])
def test_a_new_rate_holds_for_what_still_waits(discipline: Any) -> None:
    pipe = Pipe(Shape(rate_mbit=12, delay_ms=20, discipline=discipline), "s")
    for index in range(5):
        pipe.offer(0, bytes(1500), None, index)

    # Two have left by 2 ms; the other three need 10 ms each from now on.
    pipe.change(2 * MS_NS, Shape(rate_mbit=1.2, delay_ms=20, discipline=discipline))

    found = [(due_ns // MS_NS, index) for due_ns, _, _, index in pipe.due(NEVER)]
    assert found == [(21, 0), (22, 1), (32, 2), (42, 3), (52, 4)]


@pytest.mark.parametrize("discipline", ["droptail", "codel"])
def test_a_cut_loses_what_waits_in_the_queue_and_not_what_has_left_it(discipline: Any) -> None:
    book = Book()
    shape = Shape(rate_mbit=12, delay_ms=20, discipline=discipline)
    pipe = Pipe(shape, "s", watcher=book)
    for index in range(5):
        pipe.offer(0, bytes(1500), None, index)

    pipe.change(2 * MS_NS, Shape(cut=True))
    assert pipe.offer(3 * MS_NS, bytes(50), None, 5) == CUT
    pipe.change(4 * MS_NS, shape)
    pipe.offer(4 * MS_NS, bytes(1500), None, 6)

    assert book.gone == dict.fromkeys([2, 3, 4, 5], CUT)
    assert [index for *_, index in pipe.due(NEVER)] == [0, 1, 6]


def test_a_script_goes_on_after_a_cut_and_starts_again_with_another_script() -> None:
    shape = Shape(drop=("any:2",))
    pipe = Pipe(shape, "s")
    fates = [pipe.offer(0, bytes(50))]
    pipe.change(0, Shape(drop=("any:2",), cut=True))
    pipe.change(0, shape)
    fates += [pipe.offer(0, bytes(50)) for _ in range(2)]
    pipe.change(0, Shape(drop=("any:1",)))
    fates.append(pipe.offer(0, bytes(50)))

    assert fates == [DELIVERED, SCRIPTED, DELIVERED, SCRIPTED]


def test_each_share_of_loss_is_counted_for_itself() -> None:
    pipe = Pipe(Shape(loss=1.0), "s")
    pipe.offer(0, bytes(50))
    pipe.change(0, Shape(loss=1.0, delay_ms=1))
    pipe.offer(0, bytes(50))
    pipe.change(0, Shape(loss=0.5))

    found = [(each["share"], each["tried"], each["lost"]) for each in pipe.report()["losses"]]
    assert found == [(1.0, 2, 2), (0.5, 0, 0)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(shapes(), ARRIVALS), min_size=2, max_size=4))
def test_changes_lose_and_double_nothing(stages: list[tuple[Shape, list[Arrival]]]) -> None:
    book = Book()
    pipe = Pipe(Shape(), "seed", watcher=book)
    arrived, now_ns, index = [], 0, 0
    for shape, arrivals in stages:
        pipe.change(now_ns, shape)
        for gap_ns, size_bytes in arrivals:
            now_ns += gap_ns
            arrived += pipe.due(now_ns)
            pipe.offer(now_ns, bytes(size_bytes), None, index)
            index += 1
    while pipe.next_ns() < NEVER:
        now_ns = max(now_ns, pipe.next_ns())
        arrived += pipe.due(now_ns)

    everything = sorted([*range(index), *book.twins])
    assert sorted([*(entry[3] for entry in arrived), *book.gone]) == everything


def test_a_trace_that_stays_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_text("10\n100\n")
    pipe = Pipe(Shape(trace=str(path)), "s")
    pipe.change(50 * MS_NS, Shape(trace=str(path), loss=0.0, delay_ms=1))
    pipe.offer(50 * MS_NS, bytes(1500))

    assert pipe.next_ns() == 101 * MS_NS


def test_a_moment_before_an_earlier_one_counts_as_that_one() -> None:
    pipe = Pipe(Shape(delay_ms=1), "s")
    pipe.offer(5 * MS_NS, bytes(50))
    pipe.offer(3 * MS_NS, bytes(50))

    assert [due_ns for due_ns, *_ in pipe.due(NEVER)] == [6 * MS_NS, 6 * MS_NS]


def test_without_a_watcher_nothing_has_an_index() -> None:
    pipe = Pipe(Shape(duplicate=1.0), "s")
    pipe.offer(0, bytes(50))

    assert [index for *_, index in pipe.due(0)] == [NO_INDEX, NO_INDEX]
