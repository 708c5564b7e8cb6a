"""What answers the question of a manifest: declared for every experiment, and of this very run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.catalogue.manifest import examine
from hinterland.claims.grounds.form import matches
from hinterland.model.experiment import Experiment

EXPERIMENTS = catalogue.experiments()
NAGLE = Path(catalogue.find("protocols/nagle").folder)
TRUTH = re.compile(r"^truth = .*$", re.MULTILINE)
ALIKE = 2.0
"""A kept trial was cut short, or made by hand: it has the right order of magnitude."""


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.id)
def test_every_question_says_what_answers_it(experiment: Experiment) -> None:
    prediction = experiment.prediction
    given = (bool(prediction.correct), prediction.truth is not None, bool(prediction.unscored))
    assert sum(given) == 1
    assert prediction.shown_by or prediction.unscored


def kept(experiment: Experiment) -> list[float]:
    """Returns the answer in each trial that the experiment's folder keeps, where it has one."""
    truth = experiment.prediction.truth
    assert truth is not None
    found = []
    for file in sorted((Path(experiment.folder) / "histories").glob("*.json")):
        trial = json.loads(file.read_text())
        value = trial.get("outcome", {}).get("metrics", {}).get(truth.metric)
        if value is not None and matches(truth.where, trial["history"].get("treatment", {})):
            found.append(((truth.rest_of or 0) - value if truth.rest_of else value) * truth.times)
    return found


BY_BOOK = {
    one.id: float(number[0])
    for one in EXPERIMENTS
    if one.prediction.truth is not None
    and not one.prediction.truth.over
    and (number := re.search(r"[\d.]+", one.prediction.answer))
    and kept(one)
}


def test_there_are_kept_trials_to_compare_with() -> None:
    assert len(BY_BOOK) >= 5, BY_BOOK


@pytest.mark.parametrize("name", BY_BOOK)
def test_what_is_kept_has_the_answer_of_the_book(name: str) -> None:
    for value in kept(catalogue.find(name)):
        assert 1 / ALIKE <= value / BY_BOOK[name] <= ALIKE


BROKEN = {
    "an unknown metric": (
        'truth = { metric = "exchange_s" }',
        "prediction.truth.metric",
        "exchange_s",
        "is no metric of this experiment: they are exchange_ms",
    ),
    "an unknown factor": (
        'truth = { metric = "exchange_ms", where = { server = "python" } }',
        "prediction.truth.where.server",
        "",
        "is no factor of this experiment",
    ),
    "a level that is none": (
        'truth = { metric = "exchange_ms", where = { client = "java" } }',
        "prediction.truth.where.client",
        "java",
        "must be one of python, node",
    ),
    "levels that name no treatment": (
        'truth = { metric = "exchange_ms", where = { client = "node", rtt_ms = 0 } }',
        "prediction.truth.where",
        "node",
        "names no treatment that runs by default: none has client=node rtt_ms=0",
    ),
    "a comparison with no treatment": (
        'truth = { metric = "exchange_ms", where = { client = "node" }, over = { rtt_ms = 0 } }',
        "prediction.truth.over",
        "",
        "names no treatment that runs by default: none has client=node rtt_ms=0",
    ),
    "neither a metric nor a claim": ("truth = { times = 2 }", "prediction.truth", "", "one of them"),
    "both": (
        'truth = { metric = "exchange_ms", claim = "cork_cures" }',
        "prediction.truth",
        "",
        "one of them",
    ),
    "an unknown claim": (
        'truth = { claim = "cork_kills" }',
        "prediction.truth.claim",
        "cork_kills",
        "is no claim of this experiment",
    ),
    "levels beside a claim": (
        'truth = { claim = "cork_cures", where = { rtt_ms = 10 } }',
        "prediction.truth.where",
        "",
        "stands beside a metric",
    ),
    "a scale of nothing": (
        'truth = { metric = "exchange_ms", times = 0 }',
        "prediction.truth.times",
        "0",
        "must be above 0",
    ),
    "no scale at all": (
        'truth = { metric = "exchange_ms", times = nan }',
        "prediction.truth.times",
        "nan",
        "must be above 0",
    ),
    "a rest of everything": (
        'truth = { metric = "exchange_ms", rest_of = inf }',
        "prediction.truth.rest_of",
        "inf",
        "must be finite",
    ),
    "a word for a number": (
        'truth = { metric = "exchange_ms", times = "many" }',
        "prediction.truth.times",
        "many",
        "must be a number, not text",
    ),
    "a key that is none": (
        'truth = { metric = "exchange_ms", per = 100 }',
        "prediction.truth.per",
        "100",
        "is not a key",
    ),
    "a right option of a number": ('correct = "60"', "prediction.correct", "60", "asks for a number"),
    "a reason beside a truth": (
        'truth = { metric = "exchange_ms" }\nunscored = "Nobody knows."',
        "prediction.unscored",
        "Nobody knows.",
        "Keep one of them",
    ),
}


def written(folder: Path, old: re.Pattern[str] | str, new: str) -> Path:
    copied = folder / "protocols" / "nagle"
    shutil.copytree(NAGLE, copied)
    file = copied / "experiment.toml"
    text = file.read_text()
    changed = text.replace(old, new, 1) if isinstance(old, str) else old.sub(new, text, count=1)
    assert changed != text
    file.write_text(changed)
    return copied


@pytest.mark.parametrize(("line", "key", "value", "rule"), BROKEN.values(), ids=BROKEN.keys())
def test_a_truth_that_is_none_names_file_key_value_and_rule(
    tmp_path: Path, line: str, key: str, value: str, rule: str
) -> None:
    folder = written(tmp_path, TRUTH, line)
    _, errors = examine(folder)
    error = next((each for each in errors if each.key == key), None)
    assert error is not None, [str(each) for each in errors]
    assert str(error).startswith(f"{folder / 'experiment.toml'}: {key}")
    assert value in str(error)
    assert rule in str(error)


def test_a_claim_behind_the_answer_must_be_there(tmp_path: Path) -> None:
    folder = written(tmp_path, 'shown_by = ["forty_and_two_rounds"]', 'shown_by = ["forty"]')
    [error] = examine(folder)[1]
    assert (error.key, error.value) == ("prediction.shown_by", "forty")
    assert "forty_and_two_rounds" in str(error)


def test_a_claim_that_only_counts_estimates_nothing(tmp_path: Path) -> None:
    copied = tmp_path / "execution" / "acceptors"
    shutil.copytree(catalogue.find("execution/acceptors").folder, copied)
    file = copied / "experiment.toml"
    file.write_text(TRUTH.sub('truth = { claim = "one_queue_is_served" }', file.read_text()))
    [error] = examine(copied)[1]
    assert (error.key, error.value) == ("prediction.truth.claim", "one_queue_is_served")
    assert "estimates no figure" in str(error)


def test_a_choice_has_no_truth(tmp_path: Path) -> None:
    copied = tmp_path / "execution" / "blocked_loop"
    shutil.copytree(catalogue.find("execution/blocked_loop").folder, copied)
    file = copied / "experiment.toml"
    text = file.read_text()
    file.write_text(text.replace("\ncorrect =", '\ntruth = { claim = "threads_run_out" }\ncorrect =', 1))
    assert [error.key for error in examine(copied)[1]] == ["prediction.truth"]
