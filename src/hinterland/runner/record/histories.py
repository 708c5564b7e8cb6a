"""Histories on disk: one JSON file a trial, its operations and loads beside it as Parquet.

Saved before anything is judged, so that `recheck` can judge again from the files alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hinterland.model.history import Event, History, LoadSample, Operation
from hinterland.runner.record import packet_files
from hinterland.runner.record.folder import damaged
from hinterland.runner.record.packet_files import write_table
from hinterland.store import explained, replace_file

_COLUMNS = ("intended_ns", "sent_ns", "done_ns", "status", "error", "connection")


class _Frame(msgspec.Struct, frozen=True):
    """The part of a history that is not a table."""

    treatment: dict[str, Any]
    seed: int
    events: tuple[Event, ...]
    readings: dict[str, Any]
    loads: tuple[str, ...]
    operations: int
    packets: tuple[str, ...] = ()


def load_tables() -> None:
    """Loads what the first table makes PyArrow load, pandas above all where that is installed: 0.15 s."""
    pa.array(np.zeros(1))


def save(folder: Path, trial_id: str, history: History) -> None:
    """Writes a trial's history; the JSON file comes last and means "complete".

    Raises SetupError when the folder can't be written.
    """
    with explained(folder):
        tables = folder / "operations"
        if history.operations:
            write_table(tables / f"{trial_id}.parquet", _operations_table(history.operations))
        for name, sample in history.loads.items():
            write_table(tables / f"{trial_id}.{name}.parquet", _load_table(sample))
        for name, log in history.packets.items():
            packet_files.save(folder, trial_id, name, log)
        frame = _Frame(
            treatment=history.treatment,
            seed=history.seed,
            events=history.events,
            readings=history.readings,
            loads=tuple(history.loads),
            operations=len(history.operations),
            packets=tuple(history.packets),
        )
        replace_file(folder / "histories" / f"{trial_id}.json", msgspec.json.encode(frame))


def load(folder: Path, trial_id: str) -> History:
    """Returns a trial's history from the files. Raises UsageError when one of them is gone or damaged."""
    try:
        return _load(folder, trial_id)
    except (OSError, msgspec.MsgspecError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise damaged(folder, f"the history of {trial_id} can't be read: {error}") from error


def _load(folder: Path, trial_id: str) -> History:
    content = (folder / "histories" / f"{trial_id}.json").read_bytes()
    frame = msgspec.json.decode(content, type=_Frame)
    tables = folder / "operations"
    operations: tuple[Operation, ...] = ()
    if frame.operations:
        operations = _operations(pq.read_table(tables / f"{trial_id}.parquet"))
    loads = {name: _sample(pq.read_table(tables / f"{trial_id}.{name}.parquet")) for name in frame.loads}
    return History(
        treatment=frame.treatment,
        seed=frame.seed,
        operations=operations,
        loads=loads,
        events=frame.events,
        readings=frame.readings,
        packets={name: packet_files.load(folder, trial_id, name) for name in frame.packets},
    )


def _operations_table(operations: tuple[Operation, ...]) -> pa.Table:
    rows = [msgspec.structs.asdict(operation) for operation in operations]
    for row in rows:
        row["argument"] = msgspec.json.encode(row["argument"]).decode()
        row["result"] = msgspec.json.encode(row["result"]).decode()
    return pa.Table.from_pylist(rows)


def _operations(table: pa.Table) -> tuple[Operation, ...]:
    found = []
    for row in table.to_pylist():
        row["argument"] = msgspec.json.decode(row["argument"])
        row["result"] = msgspec.json.decode(row["result"])
        found.append(Operation(**row))
    return tuple(found)


def _load_table(sample: LoadSample) -> pa.Table:
    meta = {
        "start_ns": sample.start_ns,
        "end_ns": sample.end_ns,
        "loop": sample.loop,
        "errors": sample.errors,
        "detail": sample.detail,
    }
    table = pa.table({name: pa.array(getattr(sample, name)) for name in _COLUMNS})
    return table.replace_schema_metadata({"hinterland": msgspec.json.encode(meta)})


def _sample(table: pa.Table) -> LoadSample:
    meta = msgspec.json.decode(table.schema.metadata[b"hinterland"])
    columns: dict[str, Any] = {name: table.column(name).to_numpy() for name in _COLUMNS}
    return LoadSample(
        **{name: np.ascontiguousarray(values) for name, values in columns.items()},
        start_ns=meta["start_ns"],
        end_ns=meta["end_ns"],
        loop=meta["loop"],
        errors=tuple(meta["errors"]),
        detail=meta["detail"],
    )
