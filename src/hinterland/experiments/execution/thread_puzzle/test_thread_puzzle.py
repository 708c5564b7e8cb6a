"""Recorded trials give the outcome they must; real servers overlap waiting, and compute on their cores."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.lab import Level
from hinterland.lab.testing import OneBlock, TrialResult, broken, check, experiment_of

HERE = experiment_of(__file__)


def test_a_trial_under_another_lock_than_meant_is_no_evidence() -> None:
    kept = HERE.recorded.trial("one_lock_one_core")
    kept["readings"]["build"]["lock"] = False
    assert HERE.recorded.broken(kept) == ["lock_as_meant"]
    kept["treatment"]["variant"] = "free_threads"
    assert HERE.recorded.broken(kept) == []


def test_a_trial_on_other_cores_or_with_an_answer_missing_is_no_evidence() -> None:
    kept = HERE.recorded.trial("four_locks_two_cores")
    kept["readings"]["build"]["cores"] = 1
    assert HERE.recorded.broken(kept) == ["cores_as_asked"]
    kept = HERE.recorded.trial("four_locks_two_cores")
    kept["loads"]["requests"]["done_us"][-1] = None
    assert HERE.recorded.broken(kept) == ["all_answered"]


def test_the_weak_server_says_so() -> None:
    assert "Weak on purpose" in (HERE.folder / "systems" / "one_by_one.py").read_text()


def run(one_block: OneBlock, **levels: tuple[Level, ...]) -> dict[tuple[Any, ...], TrialResult]:
    """Returns a real trial of each treatment."""
    trials = one_block(HERE, "capability:two_cores", **levels)
    for one in trials:
        assert set(one.outcome.metrics) == set(HERE.experiment.metric)
        assert set(broken(one.outcome)) <= {"machine_quiet"}, one.outcome.assumptions
    keys = ("variant", "computing_share", "cores")
    return {tuple(one.treatment[key] for key in keys): one for one in trials}


@pytest.mark.system
def test_who_waits_for_four_at_once_answers_more_and_the_lock_keeps_to_one_core(one_block: OneBlock) -> None:
    variants = ("one_by_one", "threads", "processes", "event_loop")
    seen = {key: one.outcome.metrics for key, one in run(one_block, variant=variants).items()}
    alone = seen["one_by_one", 0, 2]["rate_per_s"]
    for variant in variants[1:]:
        assert seen[variant, 0, 2]["rate_per_s"] > 2 * alone, variant
    for variant in ("one_by_one", "threads", "event_loop"):
        assert seen[variant, 1, 2]["cores_busy"] < 1.15, variant
    assert seen["processes", 1, 1]["cores_busy"] < 1.15


@pytest.mark.system
def test_without_the_lock_threads_compute_on_two_cores(one_block: OneBlock) -> None:
    if not check("capability:free_threaded_python").available:
        pytest.skip("no free-threaded Python is here, and no distribution's package brings one everywhere")
    trials = run(one_block, variant=("free_threads", "free_threads_locked"))
    assert trials["free_threads_locked", 1, 2].outcome.metrics["cores_busy"] < 1.15
    assert trials["free_threads", 1, 1].outcome.metrics["cores_busy"] < 1.15
    assert trials["free_threads", 1, 2].outcome.metrics["cores_busy"] > 0
