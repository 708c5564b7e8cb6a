"""Manifests are read without importing code; every rule names file, key, value and rule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.catalogue import ManifestError, places
from hinterland.catalogue.manifest import examine
from hinterland.errors import UsageError
from hinterland.model import levels
from hinterland.model.experiment import REGIONS, Factor

MANIFEST = """\
title = "Two ways"
question = "Which of the two?"
learned = "Neither."
budget_s = 60
trial_s = 1
needs = ["python:lmdb", "service:redis?"]

[factor.variant]
levels = ["one", "other"]
says = "How."
needs.other = ["service:redis"]

[factor.share]
levels = [0.5, 0.95]
minimum = 0
maximum = 1
says = "How much."

[metric.latency_ms]
unit = "ms"
better = "lower"
says = "How long."

[[claim]]
id = "one_wins"
says = "One wins."
control = "At a share of 0.1 it does not."
ratio_at_least = {metric = "latency_ms", ratio = 2, more = {share = 0.2}, less = {share = 0.1}}
where = {variant = "one"}
instead = {share = 0.1}

[[claim]]
id = "beside"
says = "Something else."
control = "Not there."
main = false
difference_within = {metric = "latency_ms", ratio = 1.5, one = {share = 0.1}, other = {share = 0.2}}
instead = {share = 0.2}

[prediction]
kind = "choice"
ask = "Which?"
options = ["one", "other"]

[[source]]
title = "A paper"
url = "https://example.org/paper"

[[chart]]
metric = "latency_ms"
by = "share"
series = "variant"
caption = "Latency."
where = {variant = "one"}

[[grid]]
variant = ["one"]
share = [0.1, 0.2]
"""

FORM = 'ratio_at_least = {metric = "latency_ms", ratio = 2, more = {share = 0.2}, less = {share = 0.1}}'
OF_ANOTHER_UNIT = '[metric.rounds]\nunit = "round trips"\nbetter = "lower"\nsays = "How many."'

BROKEN = {
    "syntax": ('title = "Two ways"', "title = ", "", "is not TOML"),
    "missing key": ('question = "Which of the two?"\n', "", "question", "is missing"),
    "unknown key": ('learned = "Neither."', 'learnt = "x"\nlearned = "x"', "learnt", "not a key"),
    "empty text": ('title = "Two ways"', 'title = " "', "title", "must not be empty"),
    "wrong type": ("budget_s = 60", 'budget_s = "60"', "budget_s", "must be a number, not text"),
    "wrong type inside": (
        'better = "lower"',
        'better = "less"',
        "metric.latency_ms.better",
        '"less" must be one of ',
    ),
    "wrong kind": ('kind = "choice"', 'kind = "guess"', "prediction.kind", "must be one of "),
    "unknown key inside": (
        'unit = "ms"',
        'units = "ms"\nunit = "ms"',
        "metric.latency_ms.units",
        "not a key",
    ),
    "missing key in a list": ('says = "One wins."\n', "", "claim[1].says", "is missing"),
    "no budget": ("budget_s = 60", "budget_s = 0", "budget_s", "must be above 0"),
    "no block fits": (
        "trial_s = 1\n",
        "trial_s = 31\n",
        "budget_s",
        "too short for one block: 2 treatments of 31 s",
    ),
    "another id": ('title = "Two ways"', 'id = "a/b"\ntitle = "Two ways"', "id", "must be storage/two_ways"),
    "a folder": ('title = "Two ways"', 'folder = "x"\ntitle = "Two ways"', "folder", "must not be given"),
    "need": ('"python:lmdb"', '"lmdb"', "needs", "must be python:, service:, program: or capability:"),
    "need of an unknown service": (
        '"python:lmdb"',
        '"service:kafka"',
        "needs",
        "is no service of Hinterland",
    ),
    "need of a level": ('["service:redis"]', '["redis"]', "factor.variant.needs.other", "must be python:"),
    "need of no level": ("needs.other", "needs.third", "factor.variant.needs", "is no level of variant"),
    "no levels": ('levels = ["one", "other"]', "levels = []", "factor.variant.levels", "at least one level"),
    "a level twice": ("[0.5, 0.95]", "[0.5, 0.5]", "factor.share.levels", "must not name a level twice"),
    "a level out of range": ("[0.5, 0.95]", "[0.5, 1.2]", "factor.share.levels", "must be between 0 and 1"),
    "a range upside down": (
        "minimum = 0",
        "minimum = 2",
        "factor.share.minimum",
        "must not be above maximum",
    ),
    "no form": (FORM, "", "claim[1]", "needs a form, one of crossover, difference_within, matches, never,"),
    "two forms": (
        FORM,
        f'{FORM}\nnever = {{finding = "lost"}}',
        "claim[1]",
        "must have one form, not ratio_at_least and never",
    ),
    "an unknown form": ("ratio_at_least", "ratio_over", "claim[1].ratio_over", "is no key of a claim and no"),
    "a form without its fields": (
        FORM,
        'ratio_at_least = {metric = "latency_ms"}',
        "claim[1].ratio_at_least",
        "missing required field `ratio`",
    ),
    "a form with a field that it has not": (
        "ratio = 2,",
        "ratio = 2, ratios = 3,",
        "claim[1].ratio_at_least.ratios",
        "is not a field of this form",
    ),
    "a form with the levels inside": (
        "ratio = 2,",
        "ratio = 2, where = {},",
        "claim[1].ratio_at_least.where",
        "stands beside the form",
    ),
    "a form's metric": (
        'ratio_at_least = {metric = "latency_ms"',
        'ratio_at_least = {metric = "speed"',
        "claim[1].ratio_at_least.metric",
        "is no metric of this experiment, which are latency_ms",
    ),
    "a ratio that is none": ("ratio = 1.5", "ratio = 1", "claim[2].difference_within.ratio", "above 1"),
    "a finding that is not declared": (
        FORM,
        'never = {finding = "lost"}',
        "claim[1].never.finding",
        "is no finding of this experiment: it needs [finding.lost]",
    ),
    "a claim without a treatment": (
        'where = {variant = "one"}\ninstead',
        'where = {variant = "other"}\ninstead',
        "claim[1].where",
        "leaves the claim without a treatment: none has variant=other share=0.2",
    ),
    "a control without a treatment": (
        "instead = {share = 0.1}",
        "instead = {share = 0.5}",
        "claim[1].instead",
        "leaves its control without a treatment: none has variant=one share=0.5",
    ),
    "a gauge of what no time touches": (
        "[metric.latency_ms]",
        '[metric.latency_ms]\nsteady = "agree"\ntimed = false',
        "metric.latency_ms.steady",
        "is for what rests on time",
    ),
    "a largest value of what should be small": (
        "[metric.latency_ms]",
        "[metric.latency_ms]\nbest = 1",
        "metric.latency_ms.best",
        'needs better = "higher"',
    ),
    "no control": ('control = "Not there."', 'control = ""', "claim[2].control", "turns the claim over"),
    "a claim twice": ('id = "beside"', 'id = "one_wins"', "claim[2].id", "is taken"),
    "a claim's id": ('id = "beside"', 'id = "Beside it"', "claim[2].id", "lower case"),
    "no main claim": ('says = "One wins."', 'says = "One wins."\nmain = false', "claim", "main claim"),
    "a chart's metric": (
        'metric = "latency_ms"\nby',
        'metric = "speed"\nby',
        "chart[1].metric",
        "is no metric",
    ),
    "a chart's factor": ('by = "share"', 'by = "ratio"', "chart[1].by", "is no factor"),
    "a chart's series": ('series = "variant"', 'series = "kind"', "chart[1].series", "is no factor"),
    "a chart's level": (
        '{variant = "one"}\n\n',
        '{variant = "two"}\n\n',
        "chart[1].where.variant",
        "must be one of",
    ),
    "a chart's expected metric": (
        "caption",
        'expected = "speed"\ncaption',
        "chart[1].expected",
        "is no metric",
    ),
    "a chart that expects itself": (
        "caption",
        'expected = "latency_ms"\ncaption',
        "chart[1].expected",
        "another metric",
    ),
    "an expected metric of another unit": (
        '[[chart]]\nmetric = "latency_ms"',
        f'{OF_ANOTHER_UNIT}\n[[chart]]\nexpected = "rounds"\nmetric = "latency_ms"',
        "chart[1].expected",
        'must have the unit of latency_ms, "ms", not "round trips"',
    ),
    "a level of nothing expected": (
        "caption",
        'expected_where = {variant = "one"}\ncaption',
        "chart[1].expected_where",
        "needs a metric in expected",
    ),
    "a level of which it is expected": (
        '[[chart]]\nmetric = "latency_ms"',
        f'{OF_ANOTHER_UNIT.replace("round trips", "ms")}\n[[chart]]\nexpected = "rounds"\n'
        'expected_where = {variant = "two"}\nmetric = "latency_ms"',
        "chart[1].expected_where.variant",
        "must be one of",
    ),
    "a grid's factor": ('variant = ["one"]', 'kind = ["one"]', "grid[1].kind", "is no factor"),
    "a grid's level": ("share = [0.1, 0.2]", "share = [0.1, 7]", "grid[1].share", "must be between 0 and 1"),
    "one option": ('options = ["one", "other"]', 'options = ["one"]', "prediction.options", "at least two"),
    "a source's address": ("https://example.org", "example.org", "source[1].url", "must be a web address"),
}


@pytest.fixture(autouse=True)
def _read_again() -> Iterator[None]:
    catalogue.forget()
    yield
    catalogue.forget()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for experiments that the catalogue looks through instead of the atlas."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(places, "ATLAS", place)
    monkeypatch.delenv(places.VARIABLE, raising=False)
    return place


def write(root: Path, identity: str = "storage/two_ways", text: str = MANIFEST) -> Path:
    folder = root / identity
    folder.mkdir(parents=True)
    (folder / "experiment.toml").write_text(text)
    (folder / "experiment.py").write_text("raise RuntimeError('experiment code was imported')\n")
    (folder / "lesson.md").write_text("# Two ways\n")
    return folder


def test_a_sound_manifest_is_read_without_its_code(root: Path) -> None:
    folder = write(root)

    (experiment,) = catalogue.experiments()

    assert catalogue.broken() == []
    assert (experiment.id, experiment.region, experiment.name) == ("storage/two_ways", "storage", "two_ways")
    assert experiment.folder == str(folder)
    assert experiment.factor["share"].name == "share"
    assert experiment.metric["latency_ms"].name == "latency ms"
    assert len(levels.treatments(experiment)) == 2


@pytest.mark.parametrize(("old", "new", "key", "rule"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_manifest_names_file_key_and_rule(
    root: Path, old: str, new: str, key: str, rule: str
) -> None:
    assert old in MANIFEST
    folder = write(root, text=MANIFEST.replace(old, new, 1))

    _, errors = examine(folder)

    assert key in [error.key for error in errors], [str(error) for error in errors]
    error = next(error for error in errors if error.key == key)
    assert error.file == folder / "experiment.toml"
    assert rule in str(error)
    assert str(error).startswith(f"{error.file}")


@pytest.mark.parametrize("file", ["lesson.md", "experiment.py"])
def test_a_folder_lacks_a_file(root: Path, file: str) -> None:
    folder = write(root)
    (folder / file).unlink()

    _, errors = examine(folder)

    assert [file in str(error) for error in errors] == [True]


def test_the_region_of_the_folder_must_be_on_the_map(root: Path) -> None:
    _, errors = examine(write(root, "cellar/two_ways"))

    assert [error.value for error in errors] == ["cellar"]
    assert all(region in str(errors[0]) for region in REGIONS)


def test_one_broken_manifest_leaves_the_others(root: Path) -> None:
    write(root, "storage/two_ways")
    write(root, "apis/odd", MANIFEST.replace("budget_s = 60", "budget_s = -1"))

    assert [one.id for one in catalogue.experiments()] == ["storage/two_ways"]
    assert {error.key for error in catalogue.broken()} == {"budget_s"}
    with pytest.raises(ManifestError, match="budget_s"):
        catalogue.find("apis/odd")


def test_experiments_come_in_the_order_of_the_map_then_of_their_position(root: Path) -> None:
    write(root, "storage/two_ways", "position = 2\n" + MANIFEST)
    write(root, "storage/zero", "position = 1\n" + MANIFEST)
    write(root, "protocols/last", MANIFEST)

    assert [one.id for one in catalogue.experiments()] == [
        "protocols/last",
        "storage/zero",
        "storage/two_ways",
    ]


def test_folders_of_the_environment_join_and_an_id_is_taken_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root)
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, "apis/mine")
    write(second, "storage/two_ways")
    absent = tmp_path / "absent"
    monkeypatch.setenv(places.VARIABLE, os.pathsep.join(map(str, (first, second, absent))))

    assert [one.id for one in catalogue.experiments()] == ["storage/two_ways", "apis/mine"]
    taken, missing = sorted((str(error) for error in catalogue.broken()), key=lambda text: "absent" in text)
    assert "is taken by" in taken
    assert str(second) in taken
    assert "names no folder" in missing


def test_third_parties_join_by_entry_point_without_being_imported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    package = site / "acme" / "atlas"
    write(package, "caching/theirs")
    for folder in (site / "acme", package):
        (folder / "__init__.py").write_text("raise RuntimeError('third-party code was imported')\n")
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[hinterland.experiments]\nacme = acme.atlas\ngone = acme.nowhere\n"
    )
    monkeypatch.syspath_prepend(str(site))

    assert [one.id for one in catalogue.experiments()] == ["caching/theirs"]
    assert ["acme.nowhere" in str(error) for error in catalogue.broken()] == [True]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("storage/two_wasy", "storage/two_ways"),
        ("two_way", "storage/two_ways"),
        ("caching/two_ways", "storage/two_ways"),
        ("twice", "storage/twice or apis/twice"),
    ],
)
def test_an_unknown_id_suggests_the_nearest(root: Path, text: str, advice: str) -> None:
    for identity in ("storage/two_ways", "apis/twice", "storage/twice"):
        write(root, identity)

    with pytest.raises(UsageError) as raised:
        catalogue.find(text)

    assert str(raised.value).startswith(f"{text} is not an experiment.")
    assert raised.value.next_step == f"Did you mean {advice}?  See: hinterland list"


def test_nothing_near_is_not_guessed_at(root: Path) -> None:
    write(root)

    with pytest.raises(UsageError) as raised:
        catalogue.find("qqqq")

    assert raised.value.next_step == "See: hinterland list"


def test_find_takes_a_bare_name_and_a_folder(root: Path, tmp_path: Path) -> None:
    write(root)
    elsewhere = write(tmp_path / "elsewhere", "apis/mine")

    assert catalogue.find("two_ways").id == "storage/two_ways"
    assert catalogue.find(str(elsewhere)).id == "apis/mine"


RULES = [
    (Factor(levels=("a", "b"), says=""), "c", "must be one of a, b"),
    (Factor(levels=("a",), says="", choices=("a", "c")), "c", ""),
    (Factor(levels=(1, 2), says="", minimum=1), 0, "must be at least 1"),
    (Factor(levels=(1, 2), says="", maximum=5), 6, "must be at most 5"),
    (Factor(levels=(0.5,), says="", minimum=0, maximum=1), 1.2, "must be between 0 and 1"),
    (Factor(levels=(0.5,), says="", minimum=0, maximum=1), 0.25, ""),
    (Factor(levels=(0.5,), says="", minimum=0, maximum=1), "much", "must be a number between 0 and 1"),
    (Factor(levels=(0.5,), says="", minimum=0, maximum=1), float("nan"), "must be between 0 and 1"),
    (Factor(levels=(1,), says=""), True, "must be one of 1"),
]


@pytest.mark.parametrize(("factor", "level", "rule"), RULES)
def test_a_level_is_allowed_or_breaks_a_rule(factor: Factor, level: object, rule: str) -> None:
    assert levels.rule_broken(factor, level) == rule  # type: ignore[arg-type]
