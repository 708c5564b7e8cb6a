"""All operations of a process in a Parquet file, written while the load runs, by a thread of its own."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hinterland.errors import UsageError
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.recorder import Columns, joined

ROWS_AT_ONCE = 1 << 16
# Where the disk is slower than the load, the load waits, and says that it stood still.
MOST_WAITING = 32
SCHEMA = pa.schema(
    [
        ("intended_ns", pa.int64()),
        ("sent_ns", pa.int64()),
        ("done_ns", pa.int64()),
        ("status", pa.int16()),
        ("error", pa.dictionary(pa.int8(), pa.string())),
        ("connection", pa.int32()),
        ("kind", pa.dictionary(pa.int16(), pa.string())),
    ]
)
"""Times in ns of CLOCK_MONOTONIC, -1 for none; `error` is empty for none; `kind` is the request's name."""


class OperationsFile:
    """Takes operations in pieces; the file is complete after `close`.

    Raises UsageError where it can't be written.
    """

    def __init__(self, path: Path, kinds: tuple[str, ...], schema_note: dict[str, str]) -> None:
        self._path = path
        self._kinds = pa.array(list(kinds), pa.string())
        try:
            self._writer = pq.ParquetWriter(path, SCHEMA.with_metadata(schema_note), compression="zstd")
        except OSError as error:
            raise _unwritable(path, error) from None
        self._held: list[Columns] = []
        self._rows = 0
        self._failure: OSError | None = None
        self._waiting: queue.Queue[list[Columns] | None] = queue.Queue(MOST_WAITING)
        # Compressing and writing happen outside of the interpreter's lock.
        self._thread = threading.Thread(target=self._write_all, name="operations", daemon=True)
        self._thread.start()

    def add(self, columns: Columns) -> None:
        """Takes operations that have ended."""
        if self._failure is not None:
            raise _unwritable(self._path, self._failure)
        self._held.append(columns)
        self._rows += len(columns.intended_ns)
        if self._rows >= ROWS_AT_ONCE:
            self._hand_over()

    def close(self) -> None:
        """Writes what is left and ends the file."""
        if self._held:
            self._hand_over()
        self._waiting.put(None)
        self._thread.join()
        if self._failure is not None:
            raise _unwritable(self._path, self._failure)

    def _hand_over(self) -> None:
        self._waiting.put(self._held)
        self._held, self._rows = [], 0

    def _write_all(self) -> None:
        while (parts := self._waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._writer.write_table(self._table(joined(*parts)))
            except OSError as error:
                self._failure = error
        try:
            self._writer.close()
        except OSError as error:
            self._failure = self._failure or error

    def _table(self, columns: Columns) -> pa.Table:
        words = pa.array([words_of(code) for code in range(128)], pa.string())
        return pa.table(
            [
                pa.array(columns.intended_ns),
                pa.array(columns.sent_ns),
                pa.array(columns.done_ns),
                pa.array(columns.status),
                pa.DictionaryArray.from_arrays(pa.array(columns.error), words),
                pa.array(columns.connection),
                pa.DictionaryArray.from_arrays(pa.array(columns.kind.astype("int16")), self._kinds),
            ],
            schema=SCHEMA,
        )


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: the operations can't be written there: {error.strerror or error}.",
        "Name a folder that is yours, on a disk with room (about 12 bytes an operation).",
    )
