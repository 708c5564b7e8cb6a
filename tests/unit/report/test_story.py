"""The commands that a report gives run what was run."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hinterland import catalogue
from hinterland.report.story import asked_as


def test_an_experiment_of_the_atlas_is_asked_for_by_its_id() -> None:
    assert asked_as(catalogue.find("apis/idempotency")) == "apis/idempotency"


def test_a_copy_is_asked_for_by_its_folder(tmp_path: Path) -> None:
    copy = tmp_path / "my own" / "idempotency"
    copy.mkdir(parents=True)

    experiment = replace(catalogue.find("apis/idempotency"), folder=str(copy))

    assert asked_as(experiment) == f"'{copy}'"


def test_a_copy_that_is_gone_is_asked_for_by_its_id(tmp_path: Path) -> None:
    experiment = replace(catalogue.find("apis/idempotency"), folder=str(tmp_path / "gone"))

    assert asked_as(experiment) == "apis/idempotency"
