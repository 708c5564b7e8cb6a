from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from hinterland.rig.processes import process_table
from hinterland.rig.processes.process_table import Entry


def line(pid: int, parent: int) -> Entry:
    return Entry(pid, parent, pid, pid, "S", 0, 0)


def test_our_own_line() -> None:
    own = process_table.entry(os.getpid())
    assert own is not None
    assert (own.pid, own.parent, own.state) == (os.getpid(), os.getppid(), "R")
    assert own.rss_bytes > 1_000_000
    assert not own.ended


def test_a_name_with_spaces_and_parentheses(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as child:
        found = process_table.entry(child.pid)
        child.kill()
    assert found is not None
    assert found.parent == os.getpid()


def test_no_such_process() -> None:
    assert process_table.entry(2**22 + 1) is None


def test_descendants_leave_out_what_is_kept_and_below_it() -> None:
    table = {
        each.pid: each for each in (line(1, 0), line(2, 1), line(3, 2), line(4, 3), line(5, 1), line(6, 5))
    }
    assert {each.pid for each in process_table.descendants(table, [1])} == {2, 3, 4, 5, 6}
    assert {each.pid for each in process_table.descendants(table, [1], keep=[3])} == {2, 5, 6}
    assert process_table.descendants(table, [6]) == []


def test_a_reused_number_is_another_process() -> None:
    own = process_table.entry(os.getpid())
    assert own is not None
    assert process_table.same(own) is not None
    assert process_table.same(own._replace(start_ticks=own.start_ticks + 1)) is None


def test_an_ended_child_is_in_the_table_until_it_is_reaped() -> None:
    with subprocess.Popen(["sh", "-c", "exit"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        found = process_table.entry(child.pid)
        assert found is not None
        assert found.ended
    assert process_table.entry(child.pid) is None
