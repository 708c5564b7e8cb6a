"""Runs as pages list them: read once, again only while they go on, and never what is none."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from hinterland import catalogue
from hinterland.model.experiment import Level
from hinterland.model.run import RunInfo
from hinterland.model.verdict import Evidence, Verdict, VerdictWord
from hinterland.runner.record.imported import Imported
from hinterland.web.reader.shelf import Shelf, folder_of

NAGLE = catalogue.find("protocols/nagle")


def put(
    store: Path,
    name: str,
    *,
    status: str = "finished",
    words: tuple[VerdictWord, ...] = ("holds",),
    **levels: tuple[Level, ...],
) -> None:
    folder = store / name
    folder.mkdir(exist_ok=True, parents=True)
    info = RunInfo(
        id=name, experiment=NAGLE, seed=1, budget_s=1, started_at=float(len(name)), machine={}, treatments=(),
        status=status, pid=os.getpid(), set=levels,  # type: ignore[arg-type]
    )  # fmt: skip
    (folder / "run.json").write_bytes(msgspec.json.encode(info))
    judged = [
        Verdict(
            claim=f"c{number}", says="", control_says="", verdict=word, form="never", main=number < 2,
            evidence=Evidence(verdict=word, says=""), control=Evidence(verdict=word, says=""),
        )
        for number, word in enumerate(words)
    ]  # fmt: skip
    (folder / "verdicts.json").write_bytes(msgspec.json.encode(judged))


def test_the_newest_comes_first_and_is_as_bad_as_its_worst_main_claim(tmp_path: Path) -> None:
    put(tmp_path, "a", words=("holds", "inconclusive", "refuted"))
    put(tmp_path, "bb", words=("holds", "refuted"))
    put(tmp_path, "ccc")
    found = Shelf(tmp_path).runs()
    assert [(run.id, run.word) for run in found] == [
        ("ccc", "holds"),
        ("bb", "refuted"),
        ("a", "inconclusive"),
    ]
    assert Shelf(tmp_path).latest()["protocols/nagle"].id == "ccc"


def test_what_was_taken_in_is_listed_and_counts_nothing(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "later-elsewhere", words=("refuted",))
    note = Imported(at_s=1.0, file="ann.zip", sha256="")
    (tmp_path / "later-elsewhere" / "imported.json").write_bytes(msgspec.json.encode(note))
    shelf = Shelf(tmp_path)
    assert [(run.id, run.origin) for run in shelf.everything()] == [
        ("later-elsewhere", "ann.zip"),
        ("a", None),
    ]
    assert [run.id for run in shelf.runs()] == ["a"]
    assert shelf.latest()["protocols/nagle"].id == "a"
    # A note that can't be read makes it no run of one's own.
    (tmp_path / "later-elsewhere" / "imported.json").write_text("{")
    assert [run.id for run in Shelf(tmp_path).runs()] == ["a"]


def test_a_run_that_goes_on_is_looked_at_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    put(tmp_path, "a", status="running", words=())
    assert [(run.status, run.word) for run in shelf.runs()] == [("running", None)]
    assert shelf.latest() == {}
    put(tmp_path, "a", status="finished")
    assert [(run.status, run.word) for run in shelf.runs()] == [("finished", "holds")]
    (tmp_path / "a" / "run.json").unlink()
    (tmp_path / "a" / "verdicts.json").unlink()
    (tmp_path / "a").rmdir()
    assert shelf.runs() == []


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "a")
    (tmp_path / "load").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (tmp_path / "notebook.jsonl").touch()
    assert [run.id for run in Shelf(tmp_path).runs()] == ["a"]
    assert Shelf(tmp_path / "none").runs() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/../b", "a\0b", ".hidden", "none"])
def test_a_name_from_outside_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    put(tmp_path / "store", "a")
    put(tmp_path, "b")
    assert folder_of(tmp_path / "store", name) is None
    assert folder_of(tmp_path / "store", "a") is not None


def test_a_run_at_other_levels_does_not_speak_for_a_place_that_has_a_usual_one(tmp_path: Path) -> None:
    put(tmp_path, "bb", words=("inconclusive",), rtt_ms=(50,))
    assert Shelf(tmp_path).latest()["protocols/nagle"].id == "bb"
    put(tmp_path, "a", words=("holds",))
    put(tmp_path, "ccc", words=("inconclusive",), rtt_ms=(20,))
    assert Shelf(tmp_path).latest()["protocols/nagle"].id == "a"
