"""What /proc says about processes.

A process is told from a later one with the same number by its start time, so an `Entry` names a
process for good. A process whose parent died belongs to the nearest subreaper or to init.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Entry(NamedTuple):
    """One line of the table.

    `start_ticks` counts clock ticks since boot; `rss_bytes` is resident memory, shared pages included.
    """

    pid: int
    parent: int
    group: int
    session: int
    state: str
    start_ticks: int
    rss_bytes: int

    @property
    def ended(self) -> bool:
        """True for a zombie: it runs no more, only its exit status waits to be collected."""
        return self.state in "ZX"


def entry(pid: int) -> Entry | None:
    """Returns the table's line for `pid`, None when there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        stat = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The program's name stands in parentheses and may itself hold spaces and parentheses.
    rest = stat[stat.rfind(b")") + 2 :].split()
    if len(rest) < 22:
        return None
    return Entry(
        pid,
        parent=int(rest[1]),
        group=int(rest[2]),
        session=int(rest[3]),
        state=rest[0].decode(),
        start_ticks=int(rest[19]),
        rss_bytes=int(rest[21]) * PAGE_BYTES,
    )


def scan() -> dict[int, Entry]:
    """Returns every process of this PID namespace that is visible to us, by number."""
    found = (entry(int(name)) for name in os.listdir("/proc") if name.isdecimal())
    return {each.pid: each for each in found if each is not None}


def children_of(pid: int) -> list[int]:
    """Returns the direct children of `pid`, zombies included."""
    return [each.pid for each in scan().values() if each.parent == pid]


def descendants(table: dict[int, Entry], roots: Iterable[int], keep: Iterable[int] = ()) -> list[Entry]:
    """Returns the processes below `roots` (without them), leaving out `keep` and what is below those."""
    below: dict[int, list[Entry]] = {}
    for each in table.values():
        below.setdefault(each.parent, []).append(each)
    found: list[Entry] = []
    seen = {*keep, *roots}
    waiting = list(roots)
    while waiting:
        for each in below.get(waiting.pop(), ()):
            if each.pid not in seen:
                seen.add(each.pid)
                found.append(each)
                waiting.append(each.pid)
    return found


def descendants_of(pid: int) -> list[int]:
    """Returns every process below `pid`, zombies included."""
    return [each.pid for each in descendants(scan(), [pid])]


def same(one: Entry) -> Entry | None:
    """Returns the present line of the very process `one`, None when it is gone or its number was reused."""
    now = entry(one.pid)
    return now if now is not None and now.start_ticks == one.start_ticks else None
