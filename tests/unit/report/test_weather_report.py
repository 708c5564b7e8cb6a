"""What a report says of noise: one sentence for the run, with what would help, and nothing in a calm."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from report_records import delivery

from hinterland.model.run import RunRecord
from hinterland.model.weather import Weather
from hinterland.report import html, weather

CALM = Weather(wall_s=1.0, cores=2, busy_share=0.4)
THEFT = Weather(wall_s=1.0, cores=2, busy_share=0.4, steal_share=0.12)
NEIGHBOUR = Weather(wall_s=1.0, cores=2, busy_share=0.9, foreign_cores=0.9, by="firefox", by_cores=0.8)


def record(felt: Weather, *, disturbed: str = "", open_claims: bool = True) -> RunRecord:
    whole = delivery()
    trials = tuple(replace(trial, weather=felt, disturbed=disturbed) for trial in whole.trials)
    word = "inconclusive" if open_claims else "holds"
    return replace(whole, trials=trials, verdicts=tuple(replace(v, verdict=word) for v in whole.verdicts))


def test_a_calm_needs_no_words() -> None:
    assert weather.says(record(CALM)) == ""
    assert weather.says(delivery()) == "", "a record that holds no weather"


@pytest.mark.parametrize(
    ("felt", "what", "helps"),
    [
        (THEFT, "the hypervisor took 12 % of the processors.", "a quieter hour"),
        (NEIGHBOUR, "other programs kept 0.9 of 2 cores busy, most of it firefox.", "an end to firefox"),
        (CALM, ": the link was late.", "--patience"),
    ],
)
def test_noise_that_keeps_claims_open_is_said_once_with_what_helps(
    felt: Weather, what: str, helps: str
) -> None:
    said = weather.says(record(felt, disturbed="the link was late"))
    assert what in said
    assert helps in said.partition("What would help:")[2]


def test_what_held_through_noise_says_so() -> None:
    said = weather.says(record(THEFT, disturbed="busy", open_claims=False))
    assert said.endswith("The verdicts held through it.")


def test_before_the_first_look_nothing_has_held() -> None:
    said = weather.says(replace(record(THEFT, disturbed="busy"), verdicts=()))
    assert said.startswith("Noise disturbed")
    assert "held" not in said
    assert "help" not in said


def test_the_weather_of_many_trials_is_their_mean_and_names_who_was_busiest() -> None:
    trials = [
        *record(THEFT).trials[:2],
        *record(replace(NEIGHBOUR, by="cc1", by_cores=0.9)).trials[:1],
        *record(NEIGHBOUR).trials[:2],
    ]
    felt = weather.overall(trials)
    assert felt is not None
    assert felt.steal_share == pytest.approx(0.12 * 2 / 5)
    assert felt.by == "firefox"
    assert weather.overall([]) is None


def test_a_page_draws_the_weather_and_says_how_a_verdict_came() -> None:
    noisy = record(NEIGHBOUR, disturbed="busy", open_claims=False)
    evidence = replace(noisy.verdicts[0].evidence, trials=20, disturbed=8)
    noisy = replace(noisy, verdicts=(replace(noisy.verdicts[0], evidence=evidence), *noisy.verdicts[1:]))
    page = html.render(noisy)
    assert "through noise in 8 of 20 comparisons" in page
    assert "firefox 0.80" in page
    assert "<h3>The weather</h3>" in page
    assert "<h3>The weather</h3>" not in html.render(delivery())
