from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runner_samples import experiment

from hinterland.errors import UsageError
from hinterland.model import levels
from hinterland.runner import plan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("variant=wrong", {"variant": ("wrong",)}),
        ("variant=wrong, right", {"variant": ("wrong", "right")}),
        ("share=0.3", {"share": (0.3,)}),
        ("share=1", {"share": (1.0,)}),
        ("clients=7,10", {"clients": (7, 10)}),
        ("tls=true", {"tls": (True,)}),
        ("variant=right,right", {"variant": ("right",)}),
    ],
)
def test_settings_are_typed_as_the_factor_is(text: str, expected: dict[str, object]) -> None:
    assert plan.settings(experiment(), [text]) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("varaint=right", "Did you mean variant?"),
        ("variant=rihgt", "Did you mean right?"),
        ("variant=", "must have the form"),
        ("variant", "must have the form"),
        (
            "share=1.2",
            "share=1.2 must be between 0 and 1.\n  Give a share, such as 0.95.  See: hinterland show",
        ),
        ("share=abc", "must be a number between 0 and 1"),
        ("share=nan", "must be between 0 and 1"),
        ("clients=0", "must be at least 1"),
        ("clients=1.5", "must be a whole number at least 1"),
        ("tls=maybe", "must be one of false, true"),
    ],
)
def test_a_wrong_setting_names_value_rule_and_next_step(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan.settings(experiment(), [text])
    assert says in str(caught.value)


def test_without_a_grid_every_combination_is_a_treatment() -> None:
    assert len(levels.treatments(experiment(), {})) == 2 * 3 * 2 * 1


def test_a_grid_is_the_union_of_its_rows_without_repeats() -> None:
    rows = ({"share": (0.0,), "clients": (1,)}, {"share": (0.0, 1.0), "clients": (1,), "variant": ("right",)})
    found = levels.treatments(experiment(grid=rows), {})
    assert len(found) == 2 + 2 - 1


def test_what_is_asked_for_replaces_levels_in_every_row() -> None:
    rows = ({"share": (0.0,)}, {"share": (1.0,), "variant": ("right",)})
    found = levels.treatments(experiment(grid=rows), {"share": (0.25,), "clients": (1,)})
    assert {t["share"] for t in found} == {0.25}
    assert len(found) == 2


def test_unavailable_levels_are_left_out() -> None:
    found = levels.treatments(experiment(), {}, {"variant": ["wrong"]})
    assert {t["variant"] for t in found} == {"right"}


def test_a_budget_below_one_block_is_refused_with_the_sum() -> None:
    treatments = levels.treatments(experiment(), {})
    with pytest.raises(UsageError, match=r"12 treatments of about 0.5 s are 6 s"):
        plan.require_one_block(experiment(), treatments, 5.0)
    plan.require_one_block(experiment(), treatments, 6.0)


@given(seed=st.integers(0, 2**31), block=st.integers(1, 1000))
def test_a_block_holds_each_treatment_once_and_is_repeatable(seed: int, block: int) -> None:
    treatments = levels.treatments(experiment(), {})
    trials = plan.block_of(treatments, seed=seed, block=block)
    assert trials == plan.block_of(treatments, seed=seed, block=block)
    assert sorted(map(str, (t.treatment for t in trials))) == sorted(map(str, treatments))
    assert len({t.id for t in trials}) == len(treatments)


def test_the_order_differs_between_blocks_and_a_trials_seed_does_not_depend_on_it() -> None:
    treatments = levels.treatments(experiment(), {})
    orders = {
        tuple(str(t.treatment) for t in plan.block_of(treatments, seed=3, block=b)) for b in range(1, 9)
    }
    assert len(orders) == 8
    whole = {str(t.treatment): t.seed for t in plan.block_of(treatments, seed=3, block=1)}
    part = {str(t.treatment): t.seed for t in plan.block_of(treatments[:4], seed=3, block=1)}
    assert part.items() <= whole.items()
