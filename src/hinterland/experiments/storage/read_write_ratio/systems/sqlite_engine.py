"""SQLite: a B-tree of 4 KB pages behind a write-ahead log.

An update finds the row's page, changes 116 bytes and appends the *whole page* to the log. At 1,000 pages
in the log a checkpoint copies the newest version of each changed page into the database file. So a small
row costs about two pages on the device.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path


class Engine:
    """One table, one connection, one statement a transaction.

    `sync="group"` is `synchronous=NORMAL`: the log is written at every commit, and fsynced at checkpoints
    only. A killed process loses nothing, since the kernel holds what was written; a power cut loses the
    commits since the last checkpoint and leaves a sound database. `sync="each_commit"` is
    `synchronous=FULL`: the log is fsynced at every commit and nothing acknowledged is lost.
    """

    group_writes = 1000
    """Commits between two fsyncs: a commit here is a page in the log, and SQLite's default is 1,000 pages."""

    def __init__(self, folder: Path, sync: str, cache_bytes: int) -> None:
        self._connection = sqlite3.connect(folder / "data.sqlite", isolation_level=None)
        execute = self._connection.execute
        execute("PRAGMA journal_mode=WAL")
        execute(f"PRAGMA synchronous={'FULL' if sync == 'each_commit' else 'NORMAL'}")
        execute(f"PRAGMA wal_autocheckpoint={self.group_writes}")
        execute(f"PRAGMA cache_size={-cache_bytes // 1024}")
        execute("CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._execute = self._connection.cursor().execute

    def load(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Stores many pairs in one transaction."""
        self._execute("BEGIN")
        self._connection.executemany("INSERT INTO pairs VALUES (?, ?)", pairs)
        self._execute("COMMIT")

    def get(self, key: bytes) -> bytes | None:
        row = self._execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def put(self, key: bytes, value: bytes) -> None:
        self._execute("UPDATE pairs SET value = ? WHERE key = ?", (value, key))

    def settle(self) -> None:
        """Brings everything into the database file and fsyncs it."""
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        self._connection.close()
