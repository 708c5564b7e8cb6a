"""What of an experiment runs here follows from its needs."""

from __future__ import annotations

import pytest

from hinterland.model.experiment import Experiment, Factor, Prediction
from hinterland.rig.machine.availability import availability
from hinterland.rig.machine.needs import NeedStatus

VARIANT = {"redis": ("service:redis",), "node": ("program:node", "service:redis")}


def experiment(*needs: str, **by_level: tuple[str, ...]) -> Experiment:
    factors = {
        "variant": Factor(
            levels=("plain", "redis"), choices=("plain", "redis", "node"), says="", needs=by_level
        )
    }
    return Experiment(
        title="", question="", learned="", budget_s=1, trial_s=1, factor=factors, metric={}, claim=(),
        prediction=Prediction("number", ""), source=(), needs=needs, id="apis/mine",
    )  # fmt: skip


def with_only(*here: str):  # type: ignore[no-untyped-def]
    return lambda need: NeedStatus(need, need in here, install=f"install {need}")


def test_all_of_it_runs_where_everything_is_here() -> None:
    found = availability(
        experiment("python:lmdb", **VARIANT), with_only("python:lmdb", "service:redis", "program:node")
    )

    assert (found.runs, found.missing, found.unavailable) == ("all", (), {})


def test_levels_are_left_out_with_their_needs_each_missing_part_named_once() -> None:
    found = availability(experiment("service:redis?", **VARIANT), with_only())

    assert found.runs == "some"
    assert found.unavailable == {"variant": ["redis", "node"]}
    assert [status.need for status in found.missing] == ["service:redis", "program:node"]
    assert [[status.need for status in one.needs] for one in found.absent] == [
        ["service:redis"],
        ["program:node", "service:redis"],
    ]


@pytest.mark.parametrize(
    ("wanted", "by_level"),
    [(("python:lmdb",), {}), ((), {"plain": ("python:lmdb",), "redis": ("python:lmdb",)})],
    ids=["a part that all of it needs", "no level of a factor is left"],
)
def test_nothing_runs_without(wanted: tuple[str, ...], by_level: dict[str, tuple[str, ...]]) -> None:
    found = availability(experiment(*wanted, **by_level), with_only())

    assert found.runs == "no"
    assert {status.need for status in found.required} == {"python:lmdb"}
