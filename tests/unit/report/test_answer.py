"""The answer as a run measured it, and what was said beforehand against it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hinterland import catalogue
from hinterland.model.experiment import Experiment, Level, Truth
from hinterland.model.run import RunInfo, RunRecord
from hinterland.model.verdict import Evidence, Outcome, TrialResult, Verdict, VerdictWord
from hinterland.report import answer

NAGLE = catalogue.find("protocols/nagle")
C10K = catalogue.find("execution/c10k")
WARM: dict[str, Level] = {"variant": "two_writes", "receiver": "delayed", "rtt_ms": 10, "client": "python"}
Trial = tuple[int, dict[str, Level], dict[str, float]]


def verdict(claim: str, word: VerdictWord, evidence: Evidence | None = None) -> Verdict:
    shown = evidence or Evidence(verdict=word, says="")
    return Verdict(claim=claim, says="", verdict=word, evidence=shown, control=shown, control_says="")


def record(experiment: Experiment, trials: list[Trial], *verdicts: Verdict) -> RunRecord:
    info = RunInfo(id="r", experiment=experiment, seed=1, budget_s=1, started_at=0, machine={}, treatments=())
    results = tuple(
        TrialResult(f"b{block}-t{n}", block, treatment, 1, "done", Outcome(metrics=metrics), 1.0)
        for n, (block, treatment, metrics) in enumerate(trials)
    )
    return RunRecord(info, results, verdicts, (), "")


def exchanges(*values: float) -> list[Trial]:
    return [(block, WARM, {"exchange_ms": value}) for block, value in enumerate(values, 1)]


HELD = verdict("forty_and_two_rounds", "holds")


def test_the_answer_is_the_median_of_the_trials_that_the_question_is_about() -> None:
    others: list[Trial] = [(1, {**WARM, "rtt_ms": 0}, {"exchange_ms": 40.0}), (1, WARM, {"first_ms": 1.0})]
    run = record(NAGLE, [*exchanges(60, 62, 61), *others], HELD)
    found = answer.measured(run, NAGLE.prediction)
    assert found is not None
    assert (found.estimate, found.low, found.high, found.n) == (61, 60, 62, 3)
    assert answer.told(run, NAGLE.prediction) == (
        "Measured in this run: 61 ms (60 ms to 62 ms; measured 3 times)."
    )


def test_void_trials_do_not_count() -> None:
    run = record(NAGLE, exchanges(60, 600), HELD)
    void = replace(run, trials=(run.trials[0], replace(run.trials[1], status="void")))
    found = answer.measured(void, NAGLE.prediction)
    assert found is not None
    assert (found.estimate, found.n) == (60, 1)


def test_a_ratio_is_taken_block_by_block_and_what_is_left_of_it_is_asked_for() -> None:
    it = catalogue.find("execution/optimise_the_wait")
    before: dict[str, Level] = {"change": "none", "workers": 1, "wait_share": 0.9}
    after: dict[str, Level] = {**before, "change": "half_cpu"}
    trials: list[Trial] = []
    for block, (one, other) in enumerate([(10.0, 9.5), (20.0, 19.2), (30.0, 28.2)], 1):
        trials += [(block, before, {"report_ms": one}), (block, after, {"report_ms": other})]
    # A block whose other half is missing compares nothing.
    trials.append((4, after, {"report_ms": 1.0}))
    found = answer.measured(record(it, trials), it.prediction)
    assert found is not None
    assert found.n == 3
    assert found.estimate == pytest.approx(5.0)
    assert (found.low, found.high) == pytest.approx((4.0, 6.0))


def test_the_answer_may_be_what_a_claim_estimates() -> None:
    it = catalogue.find("storage/read_write_ratio")
    evidence = Evidence(verdict="holds", says="", estimate=0.7, low=0.6, high=0.8, trials=5)
    run = record(it, [], verdict("crossover", "holds", evidence))
    met = answer.number_met(0.5, 1.2, run, it.prediction)
    assert met is not None
    assert met.hit is True
    assert "It was 0.7 (0.6 to 0.8; measured 5 times) here, within your factor of 1.2." in met.says
    nothing = record(it, [], verdict("crossover", "holds"))
    met = answer.number_met(0.5, 1.2, nothing, it.prediction)
    assert met is not None
    assert met.hit is None
    assert "its claim came to no estimate" in met.says


@pytest.mark.parametrize(
    ("said", "within", "hit", "words"),
    [
        (60, 1.2, True, "within your factor of 1.2"),
        (31, 2, True, "within your factor of 2"),
        (20, 2, False, "3 times more, and your factor was 2"),
        (200, 2, False, "3.2 times less, and your factor was 2"),
        (0, 10, False, "not within your factor of 10"),
    ],
)
def test_a_number_is_right_where_its_band_meets_the_interval(
    said: float, within: float, hit: bool, words: str
) -> None:
    met = answer.number_met(said, within, record(NAGLE, exchanges(60, 61, 62), HELD), NAGLE.prediction)
    assert met is not None
    assert met.hit is hit
    assert words in met.says


def test_nothing_is_met_by_nothing_alone() -> None:
    run = record(NAGLE, exchanges(0, 0), HELD)
    said = {number: answer.number_met(number, 10, run, NAGLE.prediction) for number in (0.0, 1.0)}
    assert [met.hit for met in said.values() if met] == [True, False]


def test_where_the_claim_behind_is_refuted_the_figure_stands_and_the_page_says_so() -> None:
    run = record(NAGLE, exchanges(20, 21), verdict("forty_and_two_rounds", "refuted"))
    met = answer.number_met(60, 2, run, NAGLE.prediction)
    assert met is not None
    assert met.hit is False
    assert "was refuted in this run: At a round trip of 10 ms" in met.says


@pytest.mark.parametrize("verdicts", [[], [verdict("forty_and_two_rounds", "inconclusive")]])
def test_where_the_claim_behind_is_open_nobody_is_judged(verdicts: list[Verdict]) -> None:
    met = answer.number_met(60, 2, record(NAGLE, exchanges(60, 61), *verdicts), NAGLE.prediction)
    assert met is not None
    assert met.hit is None
    assert "is open in this run" in met.says
    assert "not counted" in met.says


def test_other_levels_than_those_of_the_question_answer_it_not() -> None:
    run = record(NAGLE, [(1, {**WARM, "rtt_ms": 50}, {"exchange_ms": 140.0})], HELD)
    met = answer.number_met(60, 2, run, NAGLE.prediction)
    assert met is not None
    assert met.hit is None
    assert "no trial of variant=two_writes receiver=delayed rtt_ms=10 counts" in met.says


def test_what_everybody_would_meet_judges_nobody() -> None:
    met = answer.number_met(60, 2, record(NAGLE, exchanges(5, 60, 80), HELD), NAGLE.prediction)
    assert met is not None
    assert met.hit is None
    assert "too wide" in met.says


def test_a_choice_is_judged_by_the_book_where_this_run_bears_it_out() -> None:
    held, open_ = record(C10K, [], verdict("nobody_waits", "holds")), record(C10K, [])
    right = C10K.prediction.correct
    said = [
        answer.option_met(option, run, C10K.prediction)
        for option, run in ((right, held), ("Slower answers", held), (right, open_))
    ]
    assert [met.hit for met in said if met] == [True, False, None]
    refuted = record(C10K, [], verdict("nobody_waits", "refuted"), verdict("other_way_when_few", "holds"))
    met = answer.option_met(right, refuted, C10K.prediction)
    assert met is not None
    assert met.hit is None
    assert "refuted in this run: An event loop answers" in met.says


def test_where_no_figure_tells_the_reason_is_said() -> None:
    prediction = replace(NAGLE.prediction, truth=None, unscored="It depends on whom you ask.", shown_by=())
    run = record(NAGLE, exchanges(60))
    assert answer.number_met(60, 2, run, prediction) is None
    assert answer.told(run, prediction) == "No figure of a run tells: It depends on whom you ask."


def test_a_share_is_told_of_as_many_as_were_asked_about() -> None:
    it = catalogue.find("execution/acceptors")
    treatment = {**it.prediction.truth.where, "waits": "epoll", "program": "python"}  # type: ignore[union-attr]
    run = record(it, [(1, treatment, {"left_share": 0.25})], verdict("own_queue_stands_still", "holds"))
    found = answer.measured(run, it.prediction)
    assert found is not None
    assert answer.figure(found, it.prediction.unit) == "25 clients (measured once)"


def test_a_scale_and_a_rest_turn_the_interval_round() -> None:
    truth = Truth(metric="exchange_ms", where=dict(WARM), rest_of=100, times=0.5)
    found = answer.measured(record(NAGLE, exchanges(40, 60)), replace(NAGLE.prediction, truth=truth))
    assert found is not None
    assert (found.low, found.estimate, found.high) == (20, 25, 30)
