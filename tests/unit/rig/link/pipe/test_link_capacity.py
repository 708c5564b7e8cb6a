"""When packets leave: at a rate, and by a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.rig.link.pipe.rate import MS_NS, FixedRate, TraceRate, capacity_of, read_trace
from hinterland.rig.link.pipe.shape import Shape


def test_a_fixed_rate_sends_one_packet_after_the_other() -> None:
    rate = FixedRate(12, 0)  # 1500 bytes in a millisecond

    assert rate.departure(0, 1500) == 1 * MS_NS
    assert rate.departure(0, 1500) == 2 * MS_NS
    assert rate.departure(10 * MS_NS, 750) == 10 * MS_NS + MS_NS // 2


@settings(deadline=None)
@given(
    st.floats(0.5, 1000),
    st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(20, 1500)), min_size=2, max_size=60),
)
def test_over_no_window_does_a_rate_send_more_than_one_packet_beyond_it(
    rate_mbit: float, packets: list[tuple[int, int]]
) -> None:
    rate, now_ns = FixedRate(rate_mbit, 0), 0
    sent = []
    for gap_ns, size_bytes in packets:
        now_ns += gap_ns
        sent.append((rate.departure(now_ns, size_bytes), size_bytes))

    for first, (begin_ns, _) in enumerate(sent):
        # Those that left after `begin`, up to and with each later one, fit into the time between.
        size_bytes = 0
        for end_ns, more_bytes in sent[first + 1 :]:
            size_bytes += more_bytes
            assert size_bytes * 8000 / rate_mbit <= (end_ns - begin_ns) * (1 + 1e-9) + 1


def test_a_trace_sends_a_full_packet_at_each_moment_and_starts_again_at_its_end() -> None:
    trace = TraceRate((2, 2, 5), 0)

    left = [trace.departure(0, 1500) // MS_NS for _ in range(7)]

    assert left == [2, 2, 5, 7, 7, 10, 12]
    assert trace.mean_mbit == pytest.approx(3 * 12_000 / 5000)


def test_small_packets_share_a_moment_and_large_ones_take_several() -> None:
    trace = TraceRate((1, 2, 3, 4), 0)

    assert [trace.departure(0, 500) // MS_NS for _ in range(4)] == [1, 1, 1, 2]
    assert trace.departure(0, 3000) // MS_NS == 4


def test_a_moment_that_passes_unused_is_lost() -> None:
    trace = TraceRate((1, 2, 3, 4), 0)

    assert trace.departure(0, 500) // MS_NS == 1
    # The rest of 1 ms was offered before this packet came.
    assert trace.departure(MS_NS + 1, 500) // MS_NS == 2
    assert trace.departure(3 * MS_NS, 1500) // MS_NS == 3
    assert trace.departure(41 * MS_NS - 1, 1500) // MS_NS == 41


def test_a_trace_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_text("0\n1\n1\n\n7\n")

    assert read_trace(str(path)) == (0, 1, 1, 7)
    made = capacity_of(Shape(trace=str(path)), 0)
    assert isinstance(made, TraceRate)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\n0\n", "line 2: '0'"),
        ("1\n2.5\n", "line 2: '2.5'"),
        ("-1\n", "line 1: '-1'"),
        ("", "must last longer than 0 ms"),
        ("0\n0\n", "must last longer than 0 ms"),
        ("1\n²\n", "can't be read"),
    ],
)
def test_a_bad_trace_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "trace"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        read_trace(str(path))

    assert says in caught.value.says
    assert "never goes back" in caught.value.next_step


def test_a_missing_trace_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_trace(str(tmp_path / "none"))


def test_no_limit_is_no_capacity() -> None:
    assert capacity_of(Shape(delay_ms=1), 0) is None
