"""Rows of data from a file, kept column by column; only columns that somebody asks for are kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hinterland.errors import UsageError
from hinterland.load.engine.outgoing import Rows

JSON_LINES = (".jsonl", ".ndjson")


def read_rows(file: str, wanted: frozenset[str] | None = None) -> Rows:
    """Returns the rows of a CSV file (a header line first) or, by its ending, of a JSONL file.

    Only `wanted` columns are kept, all by default. A JSONL value that is no text is its JSON, as `true`.
    Raises UsageError with the line of what is wrong: no such file, no rows, a row with too many or too few
    cells, a line that is no JSON object, a column that one of the rows lacks.
    """
    path = Path(file)
    read = _json_lines if path.suffix.lower() in JSON_LINES else _csv
    try:
        rows = read(path, wanted)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"data file {file} can't be read: {error}.", "Give a CSV or JSONL file.") from None
    if not rows.count:
        raise UsageError(f"data file {file} has no rows.", "Give at least one below its header.")
    return rows


def _csv(path: Path, wanted: frozenset[str] | None) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = stream.readline()
        stream.seek(0)
        # Who writes a blank behind the commas of the header does so in the rows.
        reader = csv.reader(stream, strict=True, skipinitialspace=", " in header)
        try:
            names = tuple(name.strip() for name in next(reader, []))
            _examine_separator(path, names)
            if len(set(names)) < len(names):
                raise UsageError(f"{path}: line 1 names a column twice.", "Give each its own name.")
            columns: dict[str, list[str]] = {name: [] for name in names if wanted is None or name in wanted}
            places = [(names.index(name), column) for name, column in columns.items()]
            count = 0
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise UsageError(
                        f"{path}: line {reader.line_num} has {len(cells)} cells, its header {len(names)}.",
                        "Quote a cell that has a comma in it.",
                    )
                count += 1
                for place, column in places:
                    column.append(cells[place])
        except csv.Error as error:
            raise UsageError(
                f"{path}: line {reader.line_num} is not CSV: {error}.", "Close its quotes."
            ) from None
    return Rows(str(path), names, columns, count)


def _examine_separator(path: Path, names: tuple[str, ...]) -> None:
    """Raises UsageError for a header of one cell with another sign between the names."""
    found = next((sign for sign in (";", "\t", "|") if len(names) == 1 and sign in names[0]), None)
    if found is not None:
        raise UsageError(
            f"{path}: line 1 is one cell, {names[0]!r}: its names stand between {found!r}.",
            "Put commas between the cells.",
        )


def _json_lines(path: Path, wanted: frozenset[str] | None) -> Rows:
    names: dict[str, None] = {}
    columns: dict[str, list[str]] = {}
    first_line = count = 0
    for line, entry in _objects(path):
        first_line = first_line or line
        for name in entry:
            if name not in names and (wanted is None or name in wanted):
                if count:
                    raise _lacking(path, first_line, name)
                columns[name] = []
        names.update(dict.fromkeys(entry))
        for name, column in columns.items():
            if name not in entry:
                raise _lacking(path, line, name)
            column.append(as_text(entry[name]))
        count += 1
    return Rows(str(path), tuple(names), columns, count)


def _lacking(path: Path, line: int, name: str) -> UsageError:
    return UsageError(f"{path}: line {line} has no {name!r}.", "Give every row the columns in use.")


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as stream:
        for line, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            try:
                yield line, decoder.decode(text)
            except msgspec.DecodeError as error:
                raise UsageError(
                    f"{path}: line {line} is not a JSON object: {error}.", "Give one object a line."
                ) from None


def as_text(value: Any) -> str:
    """Returns a decoded JSON value as it goes into a request: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
