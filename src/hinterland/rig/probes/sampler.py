"""Samples a process tree from a process of its own, so that the load generator's loop is not disturbed.

It needs only the standard library and starts without site-packages. It reads lines `root PID` from its
input, samples until the input ends, and then writes what it saw as one line of JSON.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import Any

from hinterland.rig.processes.process_table import Entry, descendants, entry, scan

RESCAN_S = 0.25
THREADS_MOST = 64


def cpu_ns(pid: int) -> int:
    """Returns the CPU time that all threads of `pid`, ended ones too, have used; 0 when it is gone."""
    try:
        # The kernel's number for the CPU clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return 0


def run_delay_ns(pid: int, threads: int) -> int:
    """Returns for how long the threads of `pid` were ready to run but had no core.

    Of a process with more than 64 threads only the first one is read.
    """
    folder = f"/proc/{pid}/task"
    tasks = _list(folder) if threads <= THREADS_MOST else [str(pid)]
    total = 0
    for task in tasks:
        words = _read(f"{folder}/{task}/schedstat").split()
        total += int(words[1]) if len(words) > 1 else 0
    return total


def open_files(pid: int) -> int:
    """Returns how many file descriptors `pid` holds; 0 when it is gone or not ours to look into."""
    try:
        # Since Linux 6.2 the folder's size is their number, which spares listing thousands.
        return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def thread_count(pid: int) -> int:
    """Returns how many threads `pid` has; 0 when it is gone."""
    stat = _read(f"/proc/{pid}/stat")
    words = stat[stat.rfind(")") + 2 :].split()
    return int(words[17]) if len(words) > 17 else 0


def pss_bytes(pid: int) -> int:
    """Returns its proportional memory: a page that n processes share counts 1/n. 0 when it can't be read."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def write_call_bytes(pid: int) -> int:
    """Returns the bytes that `pid` has handed to write() and its kin, sockets and pipes included."""
    for line in _read(f"/proc/{pid}/io").splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    return 0


class Tree:
    """What is known of a tree: counters of each member when it was first and last seen."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.samples: list[tuple[int, int, int, int]] = []
        self._members: dict[tuple[int, int], Entry] = {}
        self._first: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._last: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._scanned_s = 0.0
        self._started = False

    def add(self, root: int) -> None:
        """Adds what is below `root` from now on."""
        self.roots.append(root)
        self._scanned_s = 0.0

    def sample(self) -> None:
        """Takes one sample: (time, resident bytes, open files, threads), summed over the tree."""
        if time.monotonic() - self._scanned_s > RESCAN_S:
            self._rescan()
        rss = files = threads = 0
        for key, then in list(self._members.items()):
            now = entry(then.pid)
            if now is None or now.ended or now.start_ticks != then.start_ticks:
                del self._members[key]
                continue
            here = thread_count(now.pid)
            rss, files, threads = rss + now.rss_bytes, files + open_files(now.pid), threads + here
            counters = (cpu_ns(now.pid), run_delay_ns(now.pid, here), write_call_bytes(now.pid))
            # A member born later than the tree was first seen is counted from nothing.
            self._first.setdefault(key, (0, 0, 0) if self._started else counters)
            if counters[0]:
                self._last[key] = counters
        self._started = True
        self.samples.append((time.monotonic_ns(), rss, files, threads))

    def _rescan(self) -> None:
        table = scan()
        found = [table[pid] for pid in self.roots if pid in table]
        found += [each for each in table.values() if each.session in self.roots]
        found += descendants(table, self.roots)
        for each in found:
            self._members[(each.pid, each.start_ticks)] = each
        self._scanned_s = time.monotonic()

    def result(self) -> dict[str, Any]:
        """Returns the samples and what the counters grew by."""
        grown = [
            sum(self._last[key][which] - self._first[key][which] for key in self._last) for which in range(3)
        ]
        return {
            "samples": self.samples,
            "cpu_ns": grown[0],
            "run_delay_ns": grown[1],
            "write_call_bytes": grown[2],
            "pss_bytes": sum(pss_bytes(member.pid) for member in self._members.values()),
        }


def main() -> None:
    """Samples at the interval given as first argument, until standard input ends."""
    interval_s = float(sys.argv[-1])
    tree = Tree()
    rest = b""
    due_s = time.monotonic()
    while True:
        # Without a root there is nothing to sample: the first sample is the one that says `ready`.
        timeout_s = max(0.0, due_s - time.monotonic()) if tree.roots else None
        readable, _, _ = select.select([0], [], [], timeout_s)
        if readable:
            data = os.read(0, 4096)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                tree.add(int(line.split()[1]))
            if tree.roots and not tree.samples:
                tree.sample()
                os.write(1, b"ready\n")
            continue
        tree.sample()
        due_s = max(due_s + interval_s, time.monotonic())
    tree.sample()
    sys.stdout.write(json.dumps(tree.result()) + "\n")
    sys.stdout.flush()


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _list(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
