"""The one thing to try next: allowed, not run yet, and short enough for the budget."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec.structs import replace

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.model.levels import treatments
from hinterland.model.run import RunInfo
from hinterland.runner import plan
from hinterland.web.content.tries import Try, next_try


def ran(experiment: Experiment) -> RunInfo:
    return RunInfo(
        id="r", experiment=experiment, seed=1, budget_s=1, started_at=0, machine={},
        treatments=treatments(experiment),
    )  # fmt: skip


def settings_of(found: Try) -> list[str]:
    asked: dict[str, list[str]] = {}
    for name, level in parse_qsl(urlsplit(found.address).query):
        asked.setdefault(name.removeprefix("set-"), []).append(level)
    return [f"{name}={','.join(levels)}" for name, levels in asked.items()]


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_what_is_proposed_can_be_run_and_is_new(experiment: Experiment) -> None:
    found = next_try(experiment, ran(experiment))
    if found is None:
        return
    [(name, levels)] = plan.settings(experiment, settings_of(found)).items()
    assert set(levels) - {each[name] for each in treatments(experiment)}
    made = treatments(experiment, {name: levels})
    plan.require_one_block(experiment, made, experiment.budget_s / 2)


def test_most_experiments_have_one() -> None:
    found = [next_try(one, ran(one)) for one in catalogue.experiments()]
    assert sum(each is not None for each in found) >= 0.8 * len(found)


def test_a_level_that_can_t_run_here_is_passed_over() -> None:
    it = catalogue.find("protocols/nagle")
    first = next_try(it, ran(it))
    assert first is not None
    assert (first.factor, first.level, first.ran) == ("round trip", "20 ms", ("0 ms", "10 ms"))
    other = next_try(it, ran(it), {("rtt_ms", 20)})
    assert other is not None
    assert other.level != "20 ms"


def test_where_nothing_else_is_allowed_there_is_nothing() -> None:
    it = catalogue.find("protocols/nagle")
    fixed = {
        name: replace(factor, choices=(), minimum=None, maximum=None) for name, factor in it.factor.items()
    }
    assert next_try(replace(it, factor=fixed), ran(it)) is None


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, "many", True])
def test_a_record_with_absurd_levels_proposes_nothing_that_can_t_be(value: float | str) -> None:
    it = catalogue.find("protocols/nagle")
    absurd = replace(ran(it), treatments=({**treatments(it)[0], "rtt_ms": value},))
    found = next_try(it, absurd)
    assert found is None or found.factor != "round trip" or 0 <= float(found.level.split()[0]) <= 100
    assert next_try(it, replace(ran(it), treatments=({"another": 1},))) is None
