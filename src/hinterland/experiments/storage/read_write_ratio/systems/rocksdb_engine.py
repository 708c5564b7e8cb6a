"""RocksDB: a log-structured merge tree.

A write appends 116 bytes to a log and to a sorted table in memory; full tables go to the device as sorted
files, and background threads merge those files later. A read may have to look into the memory table,
several young files and the merged ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

MEMTABLE_BYTES = 1 << 20
"""Size of the memory table: small, so that a short window holds as many flushes and merges as a long one."""

BUSY = (
    "rocksdb.mem-table-flush-pending",
    "rocksdb.num-running-flushes",
    "rocksdb.compaction-pending",
    "rocksdb.num-running-compactions",
)


class Engine:
    """One database with one column family, one operation a write.

    `sync="group"` writes the log at every commit and fsyncs when a full memory table is flushed. A killed
    process loses nothing, since the kernel holds what was written; a power cut loses the commits since the
    last flush and leaves a sound database. `sync="each_commit"` fsyncs the log at every commit: nothing
    acknowledged is lost.
    """

    group_writes = MEMTABLE_BYTES // 116
    """Commits between two fsyncs, at most: a memory table of rows of 116 bytes."""

    def __init__(self, folder: Path, sync: str, cache_bytes: int) -> None:
        table = BlockBasedOptions()
        table.set_block_cache(Cache(cache_bytes))
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_compression_type(DBCompressionType.none())
        options.set_write_buffer_size(MEMTABLE_BYTES)
        options.set_max_background_jobs(2)
        options.set_stats_dump_period_sec(0)
        options.set_stats_persist_period_sec(0)
        self._database = Rdict(str(folder / "rocksdb"), options)
        write = WriteOptions()
        write.sync = sync == "each_commit"
        self._database.set_write_options(write)
        self.get = self._database.get
        self.put = self._database.put

    def load(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Stores many pairs and merges them into one sorted run."""
        batch = WriteBatch(raw_mode=True)
        for key, value in pairs:
            batch.put(key, value)
        self._database.write(batch)
        self._database.compact_range(None, None)

    def settle(self) -> None:
        """Flushes the memory table and waits until no merge is running or due."""
        self._database.flush(True)
        while any(self._database.property_int_value(name) for name in BUSY):
            time.sleep(0.001)  # RocksDB offers no wait for this; the merge itself is what takes the time.

    def close(self) -> None:
        self._database.close()
