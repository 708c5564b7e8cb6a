"""Schedules: when each operation is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hinterland.errors import UsageError
from hinterland.load.engine import arrivals
from hinterland.load.plan.plan import Arrivals

rates = st.floats(0.5, 20_000)
durations = st.floats(0.001, 5)


def test_constant_is_evenly_spaced_from_zero() -> None:
    assert arrivals.constant(1000, 0.005).tolist() == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]


@given(rate=rates, duration=durations)
def test_constant_keeps_rate_and_window(rate: float, duration: float) -> None:
    schedule = arrivals.constant(rate, duration)
    assert schedule.dtype == np.int64
    assert abs(len(schedule) - rate * duration) <= 1
    assert schedule[0] >= 0
    assert schedule[-1] <= duration * 1e9
    # The rounding of one offset never adds to the next: no gap is off by more than a nanosecond.
    assert np.all(np.abs(np.diff(schedule) - 1e9 / rate) <= 1)


def test_rounding_does_not_add_up() -> None:
    schedule = arrivals.constant(3, 10_000)
    assert schedule[-1] == round((len(schedule) - 1) * 1e9 / 3)


@given(rate=rates, duration=durations, seed=st.integers(0, 2**32))
def test_poisson_is_ordered_inside_the_window_and_repeats(rate: float, duration: float, seed: int) -> None:
    schedule = arrivals.poisson(rate, duration, seed)
    assert np.all(np.diff(schedule) >= 0)
    assert np.all((schedule >= 0) & (schedule < duration * 1e9))
    assert np.array_equal(schedule, arrivals.poisson(rate, duration, seed))


def test_poisson_gaps_are_exponential() -> None:
    from scipy import stats

    gaps_s = np.diff(arrivals.poisson(2000, 10, seed=7)) / 1e9
    assert stats.kstest(gaps_s, "expon", args=(0, 1 / 2000)).pvalue > 0.001
    # An even schedule is no Poisson process, and the test above can tell.
    even_s = np.diff(arrivals.constant(2000, 10)) / 1e9
    assert stats.kstest(even_s, "expon", args=(0, 1 / 2000)).pvalue < 1e-6


def test_poisson_count_varies_like_a_poisson_number() -> None:
    counts = [len(arrivals.poisson(100, 1, seed)) for seed in range(500)]
    assert 97 < np.mean(counts) < 103
    assert 75 < np.var(counts) < 130


@pytest.mark.parametrize(
    ("rate", "duration"), [(0, 1), (-1, 1), (float("inf"), 1), (1, 0), (1, float("nan"))]
)
def test_impossible_schedules_are_refused(rate: float, duration: float) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        arrivals.constant(rate, duration)
    with pytest.raises(UsageError, match="must be above 0"):
        arrivals.poisson(rate, duration, 1)


@pytest.mark.parametrize("offsets", [[], [3, 2], [-1, 2], [[1], [2]]])
def test_check_refuses_what_is_no_schedule(offsets: list[int]) -> None:
    with pytest.raises(UsageError, match="schedule"):
        arrivals.check(np.array(offsets, dtype=np.int64))


SHAPES = [
    Arrivals(rate_per_s=700),
    Arrivals(shape="poisson", rate_per_s=700),
    Arrivals(shape="ramp", rate_per_s=0, to_per_s=1500),
    Arrivals(shape="ramp", rate_per_s=900, to_per_s=0),
    Arrivals(shape="ramp", rate_per_s=300, to_per_s=900, jittered=True),
    Arrivals(shape="steps", steps=((200, 1), (0, 0.5), (1200, 0.5))),
    Arrivals(shape="steps", steps=((200, 1), (1200, 1)), jittered=True),
    Arrivals(shape="trace", times_s=tuple(place / 100 + (place % 3) / 1000 for place in range(250))),
]


def whole(shape: Arrivals, duration_s: float = 2.0, **options: Any) -> NDArray[np.int64]:
    parts = list(arrivals.chunks(shape, duration_s, **options))
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.shape}{'+' * shape.jittered}")
@pytest.mark.parametrize("of", [1, 2, 3])
def test_the_processes_together_keep_the_schedule(shape: Arrivals, of: int) -> None:
    alone = whole(shape, seed=5)
    assert np.all(np.diff(alone) >= 0)
    assert np.all((alone >= 0) & (alone < 2e9))
    shares = [whole(shape, seed=5, number=number, of=of) for number in range(of)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    if shape.shape != "poisson" and not shape.jittered:
        assert np.array_equal(np.sort(np.concatenate(shares)), alone)
    for number, share in enumerate(shares):
        assert np.array_equal(share, whole(shape, seed=5, number=number, of=of))


def test_chunks_of_a_constant_rate_are_the_whole_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "CHUNK", 100)
    assert np.array_equal(whole(Arrivals(rate_per_s=1234.5)), arrivals.constant(1234.5, 2))


def test_an_hour_is_worked_out_a_piece_at_a_time() -> None:
    pieces = arrivals.chunks(Arrivals(shape="poisson", rate_per_s=20_000), 3600)
    first = next(pieces)
    assert len(first) == arrivals.CHUNK
    assert first[-1] < 2e9


def test_a_ramp_grows_evenly() -> None:
    offsets = whole(Arrivals(shape="ramp", rate_per_s=0, to_per_s=1000), 2)
    assert len(offsets) == 1000
    # The integral of 500 t per s is 250 t^2: a quarter of the arrivals in the first half of the time.
    assert np.count_nonzero(offsets < 1e9) == pytest.approx(250, abs=1)


def test_steps_have_their_rates_and_a_pause_has_none() -> None:
    offsets = whole(Arrivals(shape="steps", steps=((100, 1), (0, 1), (400, 1))), 3)
    counts, _ = np.histogram(offsets / 1e9, bins=[0, 1, 2, 3])
    assert counts.tolist() == [100, 0, 400]


def test_the_warm_up_comes_before_at_the_first_rate() -> None:
    offsets = whole(Arrivals(shape="steps", steps=((100, 1), (400, 1))), 2, warm_up_s=0.5)
    counts, _ = np.histogram(offsets / 1e9, bins=[0, 0.5, 1.5, 2.5])
    assert counts.tolist() == [50, 100, 400]


def test_a_count_is_shared_out() -> None:
    shares = [whole(Arrivals(rate_per_s=1000), count=100, number=number, of=3) for number in range(3)]
    assert [len(share) for share in shares] == [34, 33, 33]
    assert max(share[-1] for share in shares) == 99_000_000


@pytest.mark.parametrize("shape", ["poisson", "ramp"])
def test_the_union_of_the_processes_is_a_poisson_process(shape: str) -> None:
    from scipy import stats

    asked = Arrivals(shape=shape, rate_per_s=3000, to_per_s=3000, jittered=True)  # type: ignore[arg-type]
    union = np.sort(np.concatenate([whole(asked, 5, seed=2, number=n, of=2) for n in range(2)]))
    assert stats.kstest(np.diff(union) / 1e9, "expon", args=(0, 1 / 3000)).pvalue > 0.001


def test_a_trace_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "times"
    path.write_text("# seconds\n0.5\n\n1.25 # a comment\n3\n")
    assert whole(Arrivals(shape="trace", file=str(path)), 10).tolist() == [5e8, 1.25e9, 3e9]
    assert whole(Arrivals(shape="trace", file=str(path)), 2).tolist() == [5e8, 1.25e9]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\n0.5\n", "times:2: 0.5 is before"),
        ("1\nsoon\n", "times:2: 'soon'"),
        ("-1\n", "below 0"),
        ("nan\n", "nan"),
        ("1\ninf\n", "times:2: inf"),
    ],
)
def test_a_trace_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "times"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        whole(Arrivals(shape="trace", file=str(path)))


@pytest.mark.parametrize("text", ["", "# nothing yet\n\n"])
def test_a_trace_without_a_time_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "times"
    path.write_text(text)
    with pytest.raises(UsageError, match="has no arrival"):
        whole(Arrivals(shape="trace", file=str(path)))


def test_a_trace_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        whole(Arrivals(shape="trace", file=str(tmp_path / "times")))


@pytest.mark.parametrize(
    "shape",
    [
        Arrivals(rate_per_s=0),
        Arrivals(shape="poisson", rate_per_s=-3),
        Arrivals(shape="steps"),
        Arrivals(shape="steps", steps=((float("nan"), 1),)),
        Arrivals(shape="ramp", rate_per_s=0, to_per_s=0),
    ],
)
def test_shapes_without_an_arrival_are_refused(shape: Arrivals) -> None:
    with pytest.raises(UsageError):
        whole(shape)


@pytest.mark.parametrize(
    ("first", "unit", "advice"),
    [
        ("1767225600.25", "s", "(($1 - first))"),
        ("1767225600250", "ms", "/ 1000)"),
        ("1767225600250000000", "ns", "/ 1000000000)"),
    ],
)
def test_a_trace_that_counts_from_1970_is_told_so(tmp_path: Path, first: str, unit: str, advice: str) -> None:
    file = tmp_path / "trace"
    file.write_text(f"# of yesterday\n{first}\n")
    with pytest.raises(UsageError, match=f"a time since 1970, in {unit}") as told:
        list(arrivals.chunks(Arrivals(shape="trace", file=str(file)), 10.0))
    assert advice in told.value.next_step
