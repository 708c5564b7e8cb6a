"""Packet logs on disk: one Parquet file a link and trial, beside the history that they belong to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hinterland.model.packets import PacketLog

_COLUMNS = ("source", "destination", "sent_ns", "done_ns", "size_bytes", "fate", "duplicate")
FOLDER = "packets"


def path_of(folder: Path, trial_id: str, link: str) -> Path:
    """Returns where the packets of a trial's link stand in a run's folder, recorded or not."""
    return folder / FOLDER / f"{trial_id}.{link}.parquet"


def save(folder: Path, trial_id: str, link: str, log: PacketLog) -> None:
    """Writes what a link carried. Raises OSError when the folder can't be written."""
    columns = {name: pa.array(getattr(log, name)) for name in _COLUMNS}
    width = log.head.shape[1]
    heads = pa.py_buffer(np.ascontiguousarray(log.head).tobytes())
    columns["head"] = pa.Array.from_buffers(pa.binary(width), len(log), [None, heads])
    meta = msgspec.json.encode({"hosts": log.hosts, "left_out": log.left_out, "head_bytes": width})
    path = path_of(folder, trial_id, link)
    path.parent.mkdir(exist_ok=True)
    write_table(path, pa.table(columns).replace_schema_metadata({"hinterland": meta}))


def load(folder: Path, trial_id: str, link: str) -> PacketLog:
    """Returns what a link carried. Raises OSError, ArrowException or KeyError where that can't be read."""
    table = pq.read_table(path_of(folder, trial_id, link)).combine_chunks()
    meta = msgspec.json.decode(table.schema.metadata[b"hinterland"])
    head = np.frombuffer(b"".join(table.column("head").to_pylist()), dtype=np.uint8)
    return PacketLog(
        hosts=tuple(meta["hosts"]),
        head=head.reshape(-1, meta["head_bytes"]),
        left_out=meta["left_out"],
        **{name: table.column(name).to_numpy() for name in _COLUMNS},
    )


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a table whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, part, compression="zstd")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
