"""The share of a load's operations that are beyond an objective."""

from __future__ import annotations

import numpy as np
import pytest
from load_results import counts, result
from msgspec.structs import replace

from hinterland.load.capacity.aim import aim_of, beyond
from hinterland.load.plan.notation import parse_objective
from hinterland.load.result.result import LoadResult


def load(times_ms: list[float], missing: int = 0) -> LoadResult:
    return replace(
        result(),
        operations=len(times_ms) + missing,
        answered=len(times_ms),
        response=counts(np.array(times_ms) / 1e3, missing),
    )


@pytest.mark.parametrize(
    ("text", "share"),
    [("p99 < 20ms", 0.3), ("p50 <= 5ms", 0.7), ("error_share < 30%", 0.2)],
)
def test_shares_count_the_unanswered(text: str, share: float) -> None:
    made = load([1, 2, 3, 10, 11, 12, 13, 40], missing=2)
    assert beyond(parse_objective(text), made) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "missing", "share"),
    [
        ("mean < 20ms", 0, 0.0),
        ("mean < 10ms", 0, 1.0),
        ("mean < 20ms", 1, 1.0),
        ("max < 41ms", 0, 0.0),
        ("max < 39ms", 0, 1.0),
        ("errors = 0", 0, 0.0),
        ("errors = 0", 1, 1.0),
        ("errors < 2", 1, 0.0),
        ("error_share = 0", 1, 1.0),
    ],
)
def test_what_is_no_share_is_held_or_not(text: str, missing: int, share: float) -> None:
    assert beyond(parse_objective(text), load([1, 2, 3, 10, 11, 12, 13, 40], missing)) == share


def test_nothing_at_all_holds_nothing() -> None:
    assert beyond(parse_objective("p99 < 20ms"), load([])) == 1.0


def test_a_rarer_percentile_needs_more_operations() -> None:
    aims = [aim_of(parse_objective(f"{q} < 20ms")) for q in ("p50", "p99", "p99.9")]
    assert [aim.least_operations for aim in aims] == pytest.approx([20, 1000, 10_000], rel=0.01)
    assert [aim.allowed for aim in aims] == pytest.approx([0.5, 0.01, 0.001])
    assert all(aim.by_operation and aim.limit_s == 0.02 for aim in aims)
    assert not aim_of(parse_objective("max < 1s")).by_operation
