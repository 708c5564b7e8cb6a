"""SIGKILL of `hinterland run` at random moments: nothing of its own is left, and every record can be read."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hinterland.report import html
from hinterland.runner import record
from hinterland.runner.recheck import recheck
from hinterland.runner.record import RunFolder

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

EXPERIMENTS = (
    "apis/idempotency",
    "storage/read_write_ratio",
    "execution/c10k",
    "patterns/delivery",
)
MOMENTS = 20
GONE_S = 20.0


def marked(mark: str, scratch: Path) -> list[int]:
    """Returns the processes that carry the mark in their environment or stand in the scratch folder.

    PostgreSQL's processes write their titles over their environment; their folder is in the scratch.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            cwd = (entry / "cwd").readlink()
            if cwd.is_relative_to(scratch) or mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def listening() -> dict[str, str]:
    """Returns the listening TCP sockets of the machine: inode -> address."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = Path(table).read_text().splitlines()[1:] if Path(table).exists() else []
        found |= {row.split()[9]: row.split()[1] for row in rows if row.split()[3] == "0A"}
    return found


def sockets_of(pids: list[int]) -> set[str]:
    """Returns the inodes of the sockets that processes hold."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def traces() -> dict[str, set[str]]:
    """Returns what a process can leave behind on the whole machine."""
    shared = Path("/proc/sysvipc/shm")
    segments = [row.split() for row in shared.read_text().splitlines()[1:]] if shared.exists() else []
    return {
        "mounts": set(Path("/proc/mounts").read_text().splitlines()),
        "namespaces": {str(path) for path in Path("/var/run/netns").glob("*")},
        "shared memory": {str(path) for path in Path("/dev/shm").glob("*")},
        # A segment that somebody is attached to (column 7) is a living process's, so none of ours.
        "SysV shared memory": {row[1] for row in segments if row[6] == "0"},
        "control groups": {str(path) for path in Path("/sys/fs/cgroup").glob("memory/hinterland*")},
    }


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_sigkill_at_a_random_moment_leaves_nothing(tmp_path: Path, moment: int) -> None:
    chance = random.Random(f"sigkill/{moment}")
    identity = EXPERIMENTS[moment % len(EXPERIMENTS)]
    mark = f"HINTERLAND_TEST_MARK={os.getpid()}-{moment}"
    name, _, value = mark.partition("=")
    scratch, store = tmp_path / "tmp", tmp_path / "store"
    scratch.mkdir(mode=0o711)
    for folder in (tmp_path, *tmp_path.parents):
        # The unprivileged user of a service must be able to pass through pytest's private folders.
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o011)
    environment = {**os.environ, name: value, "TMPDIR": str(scratch), "HINTERLAND_BUSY_CORES": "64"}
    before = traces()
    words = [sys.executable, "-m", "hinterland", "run", identity, "--store", str(store), "--quiet"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0.3, 6.0))
    sockets = sockets_of(marked(mark, scratch))
    process.kill()
    process.wait()
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline:
        # A process that is ending loses its environment a moment before its sockets.
        left = (marked(mark, scratch), sockets & listening().keys(), list(scratch.iterdir()))
        if not any(left):
            break
    assert left == ([], set(), [])
    after = traces()
    for what, left in after.items():
        assert left <= before[what], f"{what}: {left - before[what]}"
    for info in record.list_runs(store):
        folder = RunFolder(store / info.id)
        kept = folder.record()
        assert kept.info.status in ("interrupted", "finished")
        assert recheck(folder).verdicts
        assert "<html" in html.render(kept)
