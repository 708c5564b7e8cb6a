"""Every experiment: its kept trials come to what they must; its claims can be decided as it is planned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hinterland
from hinterland.catalogue import read
from hinterland.claims.declared import claims_of
from hinterland.lab.recorded import Recorded, differences, history
from hinterland.model.experiment import Experiment
from hinterland.model.levels import treatments
from hinterland.model.verdict import Assumption, Finding, Outcome, WitnessEvent
from hinterland.runner.trials import code

FOLDERS = sorted(
    path.parent for path in (Path(hinterland.__file__).parent / "experiments").glob("*/*/experiment.toml")
)


@cache
def experiment(folder: Path) -> Experiment:
    return read(folder)


@cache
def recorded(folder: Path) -> Recorded:
    return Recorded(folder, code.load(experiment(folder)).outcome)


def has_its_own_test(folder: Path) -> bool:
    """Whether an experiment's test reads its trials by itself: they are kept in a form of their own."""
    [test] = folder.glob("test_*.py")
    return ".differences(name)" in test.read_text(encoding="utf-8")


def kept() -> Iterator[Any]:
    for folder in FOLDERS:
        if not has_its_own_test(folder):
            for file in sorted((folder / "histories").glob("*.json")):
                yield pytest.param(folder, file.stem, id=f"{folder.parent.name}/{folder.name}/{file.stem}")


def claims() -> Iterator[Any]:
    for folder in FOLDERS:
        for claim in experiment(folder).claim:
            yield pytest.param(folder, claim.id, id=f"{experiment(folder).id}/{claim.id}")


@pytest.mark.parametrize(("folder", "name"), list(kept()))
def test_a_kept_trial_comes_to_what_it_must(folder: Path, name: str) -> None:
    assert not recorded(folder).differences(name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_an_experiment_keeps_a_few_trials(folder: Path) -> None:
    assert len(recorded(folder).names) >= 2


def gauges() -> Iterator[Any]:
    for folder in FOLDERS:
        for name, metric in experiment(folder).metric.items():
            if metric.steady:
                yield pytest.param(folder, metric.steady, id=f"{experiment(folder).id}/{name}")


@pytest.mark.parametrize(("folder", "assumption"), list(gauges()))
def test_what_shows_that_a_metric_was_steady_is_about_time_and_told_by_a_trial(
    folder: Path, assumption: str
) -> None:
    found = [
        each
        for name in recorded(folder).names
        for each in recorded(folder).outcome(recorded(folder).trial(name)).assumptions
        if each.id == assumption
    ]
    assert found
    assert all(each.timed for each in found)


@pytest.mark.parametrize(("folder", "claim"), list(claims()))
def test_the_default_design_runs_both_a_claim_and_its_control(folder: Path, claim: str) -> None:
    planned = treatments(experiment(folder), {})
    form = claims_of(experiment(folder))[claim]
    for side in (*form.sides(), *form.controlled().sides()):
        assert any(side.items() <= treatment.items() for treatment in planned), side


WITNESS = (WitnessEvent(0, "client", "asks"), WitnessEvent(1, "server", "answers"))
FOUND = Outcome(
    metrics={"wait_ms": 2.0},
    findings=(Finding("lost", "order 7", "order 7 is lost", WITNESS),),
    tries={"lost": 9},
    assumptions=(Assumption("quiet", "the machine rests", held=False),),
)
WANTED = {
    "metrics": {"wait_ms": 2.0},
    "findings": [["lost", "order 7"]],
    "tries": {"lost": 9},
    "broken": ["quiet"],
}


def test_what_comes_to_what_it_must_has_no_differences() -> None:
    assert differences(FOUND, WANTED) == []
    assert differences(FOUND, {**WANTED, "metrics": {"wait_ms": 2.001}}) == []
    assert differences(Outcome(), {}) == []


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("metrics", {"wait_ms": 2.01}, "wait_ms is 2.0, wanted 2.01"),
        ("metrics", {}, "wait_ms is 2.0, wanted None"),
        ("metrics", {"wait_ms": 2.0, "more": 1.0}, "more is None, wanted 1.0"),
        ("findings", [], "findings are [['lost', 'order 7']], wanted []"),
        ("tries", {"lost": 8}, "tries are {'lost': 9}, wanted {'lost': 8}"),
        ("broken", [], "assumptions broken: ['quiet'], wanted []"),
    ],
)
def test_each_difference_is_said(part: str, value: Any, said: str) -> None:
    assert differences(FOUND, {**WANTED, part: value}) == [said]


def test_a_finding_needs_its_witness() -> None:
    alone = msgspec.structs.replace(FOUND.findings[0], witness=WITNESS[:1])
    found = msgspec.structs.replace(FOUND, findings=(alone,))
    assert differences(found, WANTED) == ["'order 7 is lost' has a witness of 1 events"]


def test_times_of_a_load_are_kept_in_microseconds() -> None:
    columns = {"intended_us": [0, 1.5], "sent_us": [0, 2], "done_us": [3, None], "start_us": 0, "end_us": 4}
    load = history({"treatment": {}, "seed": 1, "loads": {"all": {**columns, "loop": "open"}}}).loads["all"]
    assert (load.intended_ns.tolist(), load.sent_ns.tolist()) == ([0, 1500], [0, 2000])
    assert (load.done_ns.tolist(), load.end_ns, load.errors) == ([3000, -1], 4000, ("",))
    assert load.connection.tolist() == load.error.tolist() == [0, 0]
