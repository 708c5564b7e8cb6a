"""What a marked process left is found, and what another one left is not taken for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from belongings import SEGMENTS, Belongings

pytestmark = pytest.mark.system

MARK = "HINTERLAND_TEST_MARK=belongings"
HOLDS = """
import ctypes, mmap, os, signal, socket, sys
from pathlib import Path
libc = ctypes.CDLL(None)
number = libc.shmget(0, 4096, 0o1600)
shared = os.open(f"/dev/shm/belongings-{os.getpid()}", os.O_RDWR | os.O_CREAT)
os.ftruncate(shared, 4096)
mapped = mmap.mmap(shared, 4096)
door = socket.create_server(("127.0.0.1", 0))
if sys.argv[1] == "heir":
    if os.fork() == 0:
        os.setsid()
        signal.pause()
print(number, flush=True)
input()
"""


@pytest.fixture
def made() -> Iterator[list[int]]:
    """Segments to remove, and the numbers of processes whose file in /dev/shm to remove."""
    import ctypes

    numbers: list[int] = []
    yield numbers
    for number, pid in zip(numbers[::2], numbers[1::2], strict=True):
        ctypes.CDLL(None).shmctl(number, 0, None)
        Path(f"/dev/shm/belongings-{pid}").unlink(missing_ok=True)


def holder(made: list[int], what: str = "", mark: str = MARK) -> subprocess.Popen[str]:
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, name: value},
    )
    assert process.stdout is not None
    made += [int(process.stdout.readline()), process.pid]
    return process


@pytest.mark.skipif(not SEGMENTS.exists() or not os.path.isdir("/dev/shm"), reason="no shared memory here")
def test_what_a_marked_process_left_is_found_and_what_others_left_is_not(
    tmp_path: Path, made: list[int]
) -> None:
    ours, others = holder(made), holder(made, "heir", MARK + "-of-another")
    seen = Belongings(MARK, tmp_path)
    assert seen.look() == [ours.pid]
    for process in (ours, others):
        process.kill()
        process.wait()
    assert seen.left(0) == {
        "shared memory": [f"/dev/shm/belongings-{ours.pid}"],
        "SysV shared memory": [made[0]],
    }
    assert "belongings-of-another" not in str(seen.left(0))
    # The other's heir lives and listens still; ours would be found.
    heirs = Belongings(MARK + "-of-another", tmp_path)
    [heir] = heirs.look()
    assert heirs.left(0)["processes"] == [heir]
    assert heirs.left(0)["listening sockets"]
    os.kill(heir, 9)
    assert set(heirs.left(0.5)) == {"shared memory"}


def test_a_file_in_the_scratch_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    assert Belongings(MARK, tmp_path).left(0) == {"files": [tmp_path / "kept"]}
