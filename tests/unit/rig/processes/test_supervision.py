from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from hinterland.errors import InternalError
from hinterland.rig.processes import supervision
from hinterland.rig.processes.supervision import children_of, die_with_parent, end_descendants, reap
from hinterland.rig.services import names

HEAVY = ("numpy", "asyncio", "scipy", "pyarrow", "uvloop")
SLEEP = [sys.executable, "-S", "-c", "import signal; print(flush=True); signal.pause()"]


@pytest.mark.parametrize(
    "module",
    [
        "processes.supervision",
        "processes.scratch",
        "machine.needs",
        "probes.memory",
        "machine.description",
        *(f"services.{name}" for name in names()),
    ],
)
def test_it_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, hinterland.rig.{module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_child_whose_parent_is_gone_already_ends_itself() -> None:
    child = os.fork()
    if child == 0:
        # As if the fork's parent had died, and another process had adopted the child.
        die_with_parent(parent=2**22 + 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_child_of_a_living_parent_goes_on() -> None:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        die_with_parent(parent)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_descendants_end_and_the_kept_live() -> None:
    ended, kept = (subprocess.Popen(SLEEP, stdout=subprocess.PIPE) for _ in range(2))
    before = set(children_of(os.getpid())) - {ended.pid}
    end_descendants(os.getpid(), keep=before)
    assert ended.pid not in children_of(os.getpid())
    assert kept.poll() is None
    end_descendants(os.getpid(), keep=before - {kept.pid})
    assert kept.pid not in children_of(os.getpid())
    for each in (ended, kept):
        each.communicate()


def test_what_cannot_be_killed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as child:
        others = set(children_of(os.getpid())) - {child.pid}
        with monkeypatch.context() as patched:
            patched.setattr(supervision.os, "kill", lambda pid, number: None)
            began_s = time.monotonic()
            with pytest.raises(InternalError, match=str(child.pid)):
                end_descendants(os.getpid(), keep=others, timeout_s=0.05)
            assert time.monotonic() - began_s >= 0.05
        child.kill()


def test_reaping_never_waits() -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as child:
        assert not reap(child.pid)
        assert not reap(1)
        child.kill()
