"""LMDB: a copy-on-write B+tree in a memory-mapped file, with no log and no cache of its own.

A read walks pages that the kernel already maps: nothing but the value is copied. A write copies the
leaf and every page above it, and then a meta page, to reach one changed row.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import lmdb


class Engine:
    """One environment, one operation a transaction.

    `sync="group"` is MDB_NOSYNC with a forced sync every `group_writes` commits. A killed process loses
    nothing, since the kernel holds what was written; a power cut may lose the commits since the last sync
    and, as pages may reach the device in any order, may damage the file: weaker than what SQLite and RocksDB
    promise. `sync="each_commit"` syncs the pages and then the meta page at every commit: nothing acknowledged
    is lost. `cache_bytes` has no use here: the page cache is LMDB's cache.
    """

    group_writes = 1000
    """Commits between two forced syncs, to match SQLite's checkpoints."""

    def __init__(self, folder: Path, sync: str, cache_bytes: int) -> None:
        each_commit = sync == "each_commit"
        self._environment = lmdb.open(
            str(folder / "data.mdb"),
            subdir=False,
            map_size=4 << 30,
            sync=each_commit,
            metasync=each_commit,
            readahead=False,
            max_readers=4,
        )
        self._group = 0 if each_commit else self.group_writes
        self._unsynced = 0
        self._begin = self._environment.begin

    def load(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Stores many pairs, sorted by key, in one transaction."""
        with self._begin(write=True) as transaction, transaction.cursor() as cursor:
            cursor.putmulti(pairs, append=True)

    def get(self, key: bytes) -> bytes | None:
        with self._begin() as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        with self._begin(write=True) as transaction:
            transaction.put(key, value)
        if self._group:
            self._unsynced += 1
            if self._unsynced == self._group:
                self._environment.sync(True)
                self._unsynced = 0

    def settle(self) -> None:
        """Forces every page to the device."""
        self._environment.sync(True)

    def close(self) -> None:
        self._environment.close()
