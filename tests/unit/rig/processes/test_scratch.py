from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hinterland.errors import SetupError
from hinterland.rig.processes import scratch
from hinterland.rig.processes.scratch import Scratch, sweep_stale

ABANDON = """
import os, sys
from pathlib import Path
from hinterland.rig.processes.scratch import Scratch
made = Scratch(Path(sys.argv[1]))
made.folder("inside").joinpath("file").write_text("left behind")
print(made.path, flush=True)
os.kill(os.getpid(), 9)
"""


def abandoned(under: Path) -> Path:
    """Returns the scratch folder of a process that was killed."""
    done = subprocess.run([sys.executable, "-c", ABANDON, under], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    return Path(done.stdout.strip())


def test_others_may_pass_through_but_not_list(tmp_path: Path) -> None:
    with Scratch(tmp_path) as made:
        for folder in (made.path, made.folder("trial")):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert not made.path.exists()


def test_the_sweep_takes_the_folder_of_a_killed_process_and_no_other(tmp_path: Path) -> None:
    stale = abandoned(tmp_path)
    strange = tmp_path / "hinterland"
    strange.mkdir()
    with Scratch(tmp_path) as held:
        assert stale.exists()
        assert sweep_stale(tmp_path) == [stale]
        assert held.path.exists()
        assert strange.exists()


def test_the_lock_lasts_as_long_as_a_forked_process(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    # Lets go here without removing the folder, as a killed owner would.
    os.close(made._lock)
    old = made.path.stat().st_mtime - 2 * scratch.NEW_S
    os.utime(made.path, (old, old))
    assert sweep_stale(tmp_path) == []
    os.close(write)
    os.waitpid(child, 0)
    assert sweep_stale(tmp_path) == [made.path]


def test_a_folder_that_is_not_locked_yet_is_left_alone(tmp_path: Path) -> None:
    fresh = tmp_path / f"hinterland-{os.getpid()}-abc123"
    fresh.mkdir()
    assert sweep_stale(tmp_path) == []


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    link = tmp_path / "hinterland-999999999-abc123"
    link.symlink_to(precious)
    assert sweep_stale(tmp_path) == []
    assert precious.exists()


def test_only_the_owner_removes_it(tmp_path: Path) -> None:
    with Scratch(tmp_path) as made:
        child = os.fork()
        if child == 0:
            made.remove()
            os._exit(0)
        os.waitpid(child, 0)
        assert made.path.exists()


def test_an_unreadable_folder_is_removed_too(tmp_path: Path) -> None:
    closed = tmp_path / "a" / "b"
    closed.mkdir(parents=True)
    (closed / "file").write_text("x")
    closed.chmod(0)
    scratch.clear(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_the_sweep_leaves_what_only_begins_like_ours(tmp_path: Path) -> None:
    names = (
        "hinterland-notes",
        "hinterland-main",
        "hinterland-12",
        "hinterland-12-abcdeg",
        "hinterland-12-abcdef-x",
    )
    for name in names:
        (tmp_path / name).mkdir()
    assert sweep_stale(tmp_path) == []


def test_a_folder_that_is_gone_already_leaves_its_parent_open(tmp_path: Path) -> None:
    # Two runs that sweep at once meet this; the parent is /tmp, which other people use.
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    scratch.clear(shared / "hinterland-gone")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_place_that_is_no_folder_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="TMPDIR"):
        Scratch(tmp_path / "file")
