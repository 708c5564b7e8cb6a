"""A file of progress: made, read, merged without doubles; anything wrong with it, and nothing is taken."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import SetupError, UsageError
from hinterland.web.reader import progress
from hinterland.web.reader.calibration import Answered
from hinterland.web.reader.notebook import FILE, Entry, Notebook

NOW_S = 1_000_000.0
SAID = Entry(t_s=5.0, experiment="a/b", kind="predicted", marks={"x": 3.0}, within=2.0)


def file(**changed: Any) -> bytes:
    made = msgspec.to_builtins(progress.made([SAID], [Answered(SAID, "r1", 9.0, {"x": 4.0})]))
    # The same each time: what is tried here gives the tests their names.
    return json.dumps({**made, "made_at": NOW_S, **changed}).encode()


def entry(**changed: Any) -> dict[str, Any]:
    return {"t_s": 5.0, "experiment": "a/b", "kind": "note", "text": "x", **changed}


def test_what_a_run_came_to_goes_along() -> None:
    found = progress.read(file(), NOW_S)
    assert found[0] == SAID
    assert found[1] == Entry(t_s=9.0, experiment="a/b", kind="met", marks={"x": 4.0}, run="r1", of_s=5.0)


def test_what_went_along_once_is_not_made_again() -> None:
    there = progress.read(file(), NOW_S)
    again = progress.made(there, [Answered(SAID, "r1", 9.0, {"x": 4.0})])
    assert again.entries == there


def test_two_notebooks_become_one_without_doubles(tmp_path: Path) -> None:
    here, there = Notebook(tmp_path / "here"), Notebook(tmp_path / "there")
    mine = Entry(t_s=7.0, experiment="a/b", kind="note", text="mine")
    theirs = Entry(t_s=3.0, experiment="c/d", kind="note", text="theirs")
    here.add(SAID, mine)
    there.add(SAID, theirs)
    content = msgspec.json.encode(progress.made(there.entries(), []))
    for _ in range(2):
        here.add(*progress.new(progress.read(content, NOW_S), here.entries()))
    assert here.entries() == [theirs, SAID, mine]
    assert Notebook(tmp_path / "here").entries() == [theirs, SAID, mine]


def test_an_older_note_from_elsewhere_is_not_the_last_word(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.add(Entry(t_s=7.0, experiment="a/b", kind="note", text="newer"))
    notebook.add(Entry(t_s=3.0, experiment="a/b", kind="note", text="older"))
    assert notebook.latest("a/b", "note").text == "newer"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"PK\x03\x04\xff\xfe", "no file of progress"),
        (b"<html>", "no file of progress"),
        (b"[]", "no file of progress"),
        (b"{}", "no file of progress"),
        (b'{"hinterland_progress":1,"made_at":1,"x":' + b"[" * 100_000, "no file of progress"),
        (file(hinterland_progress=2), "has the format 2"),
        (file(entries="all"), "no file of progress"),
        (file()[:-20], "no file of progress"),
        (file(entries=[entry(kind="admin")]), "no file of progress"),
        (file(entries=[entry(experiment="../../etc/passwd")]), "name is none"),
        (file(entries=[entry(experiment="a/b\n")]), "name is none"),
        (file(entries=[entry(), entry(text="x" * 2001)]), "Entry 2 of this file has a text that is too long"),
        (file(entries=[entry(t_s=NOW_S * 9)]), "in the future"),
        (file(entries=[entry(t_s=-1)]), "in the future"),
        (file(entries=[entry(sure=3)]), "a number that can't be"),
        (file(entries=[entry(within=-1)]), "a number that can't be"),
        (file(entries=[entry(number=1e300)]), "a number that can't be"),
        (file(entries=[entry(marks={"x": 5e-324})]), "a number that can't be"),
        (file(entries=[entry(marks={str(n): 1.0 for n in range(999)})]), "more marks than"),
        (file(entries=[entry(marks={"k" * 500: 1.0})]), "more marks than"),
        (file(entries=[entry()] * 50_001), "more than 50000 entries"),
        (b" " * (progress.LARGEST_BYTES + 1), "larger than 8 MiB"),
        (file(entries=[entry(number=float("inf"))]), "no file of progress"),
    ],
)
def test_a_file_with_anything_wrong_in_it_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        progress.read(content, NOW_S)
    assert says in refused.value.says
    assert refused.value.next_step


KEYS = st.sampled_from(("hinterland_progress", "made_at", "entries", "t_s", "kind", "experiment", "marks"))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
).map(lambda each: json.dumps(each).encode())


@given(st.binary(max_size=300) | JSON)
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    try:
        found = progress.read(content, NOW_S)
    except UsageError:
        return
    assert all(each.t_s > 0 for each in found)


def test_a_full_disk_takes_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(tmp_path)
    notebook.add(SAID)
    before = (tmp_path / FILE).read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[: len(line) // 2]))
    with pytest.raises(SetupError, match="is full"):
        notebook.add(SAID, SAID, SAID)
    assert (tmp_path / FILE).read_bytes() == before
