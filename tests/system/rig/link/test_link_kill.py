"""Whenever the owner of a link is killed, no process and so no namespace of it is left."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hinterland.rig.processes.process_table import scan

pytestmark = pytest.mark.system

MARK = "HINTERLAND_TEST_MARK"
KILLS = 12
STAGES = (b"begun", b"open", b"started")
OWNER = """
import asyncio, os, sys
from pathlib import Path
from hinterland.rig.rig import Rig

async def main():
    folder = Path(sys.argv[1])
    async with Rig(folder, folder, lambda event: None) as rig:
        os.write(1, b"begun ")
        link = await rig.link(rtt_ms=5, packets=True)
        os.write(1, b"open ")
        # One that stays, and one that leaves its session and its parent behind.
        await rig.start(["sleep", "1000"], name="sleeper", host=link.server)
        await rig.start(["sh", "-c", "setsid sleep 1000 & exec sleep 1000"], name="daemon", host=link.client)
        os.write(1, b"started ")
        await rig.start(["sleep", "1000"], name="more", host=link.server)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _needs_a_link(require: Callable[[str], None]) -> None:
    require("capability:link")


def marked(mark: str) -> Iterator[int]:
    """Yields each process that carries `mark` in its environment and has not ended."""
    wanted = f"{MARK}={mark}\0".encode()
    for pid, each in scan().items():
        with contextlib.suppress(OSError):
            if not each.ended and wanted in Path(f"/proc/{pid}/environ").read_bytes():
                yield pid


def networks(pids: Iterator[int]) -> set[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
    return found


def until_gone(mark: str, timeout_s: float = 60) -> list[int]:
    """Returns the marked processes that are left, as soon as there are none, or after a while."""
    end_s = time.monotonic() + timeout_s
    while (left := list(marked(mark))) and time.monotonic() < end_s:
        select.select([], [], [], 0.005)
    return left


def test_nothing_outlives_an_owner_that_is_killed_at_any_moment(scratch: Path) -> None:
    script = scratch / "owner.py"
    script.write_text(OWNER)
    chance = random.Random(3)
    seen: set[str] = set()
    most_networks = 0
    for number in range(KILLS):
        mark = secrets.token_hex(8)
        folder = scratch / f"kill{number}"
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, script, folder], stdout=subprocess.PIPE, env={**os.environ, MARK: mark}
        ) as owner:
            assert owner.stdout is not None
            said = b""
            # From the first system call of the opening until well after the last program has started.
            while STAGES[number % len(STAGES)] not in said:
                more = os.read(owner.stdout.fileno(), 100)
                assert more, "it ended by itself"
                said += more
            end_s = time.monotonic() + chance.uniform(0, 0.1)
            while (left_s := end_s - time.monotonic()) > 0:
                if select.select([owner.stdout], [], [], left_s)[0]:
                    said += os.read(owner.stdout.fileno(), 100)
            most_networks = max(most_networks, len(networks(marked(mark))))
            owner.send_signal(signal.SIGKILL)
        seen.update(said.decode().split())
        assert until_gone(mark) == [], f"killed after {said!r}"
    assert seen == {each.decode() for each in STAGES}
    assert most_networks >= 2
