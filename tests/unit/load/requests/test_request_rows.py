"""Rows of data from CSV and JSONL, right and wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.load.requests.rows import read_rows

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=10))
def test_rows_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("user", "note"), *rows])
    lines = [json.dumps({"user": user, "note": note}) for user, note in rows]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")

    for name in ("a.csv", "a.jsonl"):
        read = read_rows(str(folder / name))
        assert read.names == ("user", "note")
        assert read.count == len(rows)
        assert list(zip(read.columns["user"], read.columns["note"], strict=True)) == rows


def test_only_columns_that_are_wanted_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffuser,note\nann,1\n\nbob,2\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"user": "ann", "note": 1}\n{"note": 2, "user": "bob"}\n')

    for name in ("a.csv", "a.jsonl"):
        read = read_rows(str(tmp_path / name), frozenset({"user", "other"}))
        assert read.columns == {"user": ["ann", "bob"]}
        assert read.count == 2


def test_values_of_json_that_are_no_text_are_json(tmp_path: Path) -> None:
    row = {"a": 1, "b": 1.5, "c": True, "d": None, "e": [1, "x"], "f": {"g": 2}, "h": "h"}
    (tmp_path / "a.ndjson").write_text(json.dumps(row))

    columns = read_rows(str(tmp_path / "a.ndjson")).columns

    values = {name: column[0] for name, column in columns.items()}
    assert values == {
        "a": "1",
        "b": "1.5",
        "c": "true",
        "d": "null",
        "e": '[1,"x"]',
        "f": '{"g":2}',
        "h": "h",
    }


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "has no rows"),
        ("a.csv", "user,note\n", "has no rows"),
        ("a.csv", "user,note\nann\n", "line 2 has 1 cells, its header 2"),
        ("a.csv", "user,note\nann,1,2\n", "line 2 has 3 cells"),
        ("a.csv", "user,user\nann,1\n", "names a column twice"),
        ("a.csv", 'user,note\nann,"1\n', "is not CSV"),
        ("a.jsonl", "\n\n", "has no rows"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2 is not a JSON object"),
        ("a.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("a.jsonl", '\n{"user": 1}\n{"note": 1}\n', "line 2 has no 'note'"),
        ("a.jsonl", '{"note": 1}\n{"user": 1, "note": 2}\n', "line 1 has no 'user'"),
        ("a.jsonl", '{"note": 1, "user": 1}\n{"user": 1}\n', "line 2 has no 'note'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UsageError, match=says) as told:
        read_rows(str(tmp_path / name), frozenset({"user", "note"}))
    assert told.value.next_step


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"user\n\xff\xfe\n")

    for name in ("a.csv", "none.csv", "none.jsonl", "."):
        with pytest.raises(UsageError, match="can't be read"):
            read_rows(str(tmp_path / name))
