"""The table of `benchmarks.weather`: what is kept is counted against its targets; a missed one is seen."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"benchmarks.weather.{name}")

    return module


def keep(
    bench: Any, folder: Path, weather: str, part: str, *lines: dict[str, Any], quick: bool = False
) -> None:
    keeper = bench("kept").Keeper(folder, weather, part, quick=quick)
    for line in lines:
        keeper.add({"seconds": 10.0, "trials": 8, "taken": {"how": "nothing", "cores": 0.0}, **line})


def atlas(name: str, *verdicts: str, side: str = "") -> dict[str, Any]:
    claims = [{"id": f"c{n}", "main": True, "verdict": word} for n, word in enumerate(verdicts)]
    return {
        "experiment": name,
        "claims": claims + ([{"id": "s", "main": False, "verdict": side}] if side else []),
    }


def pairs(*names: str, false: int = 0, **found: float) -> dict[str, Any]:
    said = [
        {"pair": name, "false": ["slower holds"] if n < false else [], **found}
        for n, name in enumerate(names)
    ]
    return {"experiment": "same", "pairs": said}


def test_false_verdicts_of_equal_and_of_known_pairs_are_counted_together(bench: Any, tmp_path: Path) -> None:
    keep(bench, tmp_path, "stolen", "aa", *[pairs(*"abcdef", false=int(n < 3)) for n in range(60)])
    keep(bench, tmp_path, "stolen", "known", *[pairs("echo_3x", "echo_1_5x", slower_s=5.0)] * 20)
    parts = list(bench("kept").parts(tmp_path))
    found = bench("table").scores(parts)
    false = found["false verdicts, A/A and known answers, at any of 12 looks"]
    assert {name: (score.hits, score.runs, score.met) for name, score in false.items()} == {
        "stolen": (3, 400, True)
    }
    assert bench("table").missed(parts) == []


def test_a_difference_found_after_the_budget_is_not_found(bench: Any, tmp_path: Path) -> None:
    keep(bench, tmp_path, "quiet", "known", pairs("echo_3x", slower_s=5.0), pairs("echo_3x", slower_s=61.0))
    score = bench("table").scores(bench("kept").parts(tmp_path))["3 x found in the default budget"]["quiet"]
    assert (score.hits, score.runs, score.met) == (1, 2, False)


def test_a_refuted_main_claim_is_wrong_and_one_that_did_not_run_is_undecided(
    bench: Any, tmp_path: Path
) -> None:
    keep(bench, tmp_path, "stalls", "tour", *[atlas("a", "holds", "inconclusive", side="refuted")] * 3)
    keep(bench, tmp_path, "stalls", "rest", atlas("b", "refuted"), atlas("c", "did not run", "holds"))
    parts = list(bench("kept").parts(tmp_path))
    rows = {row: score["stalls"] for row, score in bench("table").scores(parts).items() if score}
    assert {row: (score.hits, score.runs, score.met) for row, score in rows.items()} == {
        "main claims of the tour decided in the default budget": (3, 6, False),
        # The tour's experiment counts once, though it ran three times.
        "main claims of all experiments decided": (3, 5, False),
        "wrong verdicts on main claims": (1, 9, False),
    }
    assert len(bench("table").missed(parts)) == 3
    assert "| - | - | - | 1 of 9" in bench("table").report(parts)


def test_too_few_equal_pairs_meet_nothing_and_a_short_version_misses_nothing(
    bench: Any, tmp_path: Path
) -> None:
    keep(bench, tmp_path, "quiet", "aa", *[pairs(*"abcdef")] * 9)
    assert len(bench("table").missed(bench("kept").parts(tmp_path))) == 1
    keep(bench, tmp_path, "quiet", "aa", pairs(*"abcdef"), quick=True)
    assert bench("table").missed(bench("kept").parts(tmp_path)) == []


def test_every_pair_has_false_words_and_its_treatments(bench: Any) -> None:
    known, claims_form = bench("pairs"), importlib.import_module("hinterland.claims.grounds.form")
    levels = importlib.import_module("hinterland.model.levels")
    for name in ("same", "known"):
        experiment = known.experiment(name)
        treatments = levels.treatments(experiment, {}, {})
        assert len(treatments) == 12
        claims = known.same_claims() if name == "same" else known.known_claims()
        for claim, form in claims.items():
            assert claim.rpartition("_")[2] in known.FALSE[name]
            assert all(any(claims_form.matches(side, each) for each in treatments) for side in form.sides())


def test_every_experiment_is_in_one_part(bench: Any) -> None:
    measure = bench("measure")
    tour, rest = ({run.words[1] for run in measure.planned(part)} for part in ("tour", "rest"))
    catalogue = importlib.import_module("hinterland.catalogue")
    assert tour | rest == {each.id for each in catalogue.experiments()}
    assert not tour & rest
    assert len(measure.planned("tour")) == 3 * len(tour)
    assert len(measure.planned("aa")) >= 60


def test_a_run_whose_weather_failed_counts_for_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    measure, makers = bench("measure"), bench("makers")

    def died(*_: object, **__: object) -> None:
        raise makers.WeatherError("the maker of stolen did not start.")

    monkeypatch.setattr(measure, "weather", died)
    equal, of_the_atlas = (
        next(iter(measure.results("stolen", measure.planned(part)[:1]))) for part in ("aa", "tour")
    )
    assert equal["pairs"] == []
    assert {claim["verdict"] for claim in of_the_atlas["claims"]} == {"did not run"}
    assert "did not start" in equal["error"]
