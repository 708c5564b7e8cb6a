"""However its owner ends, nothing that the rig started is left."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import wait_until

from hinterland.rig.processes.accounts import Account, can_reach
from hinterland.rig.processes.process_table import Entry, entry, same, scan
from hinterland.rig.processes.scratch import OPEN_PLACES, PREFIX, default_place, sweep_stale

pytestmark = pytest.mark.system
PACKAGES = Path(pytest.__file__).parents[1]
SOURCE = Path(__file__).parents[3] / "src"

TRIAL = """
import asyncio, os, sys, time
from pathlib import Path
from hinterland.rig.readiness import LogReady
from hinterland.rig.rig import Rig
from hinterland.rig.processes.scratch import Scratch
from hinterland.rig.services.nginx import nginx
from hinterland.rig.services.postgresql import postgresql
from hinterland.rig.services.redis import redis
from hinterland.rig.processes.supervision import *

DAEMON = '''
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("daemon", flush=True)
        signal.pause()
    os._exit(0)
os.wait()
signal.pause()
'''

async def trial(scratch, what):
    async with Rig(scratch.folder("trial"), scratch.folder("cache"), lambda event: None) as rig:
        if "postgresql" in what: await rig.start(postgresql())
        if "redis" in what: await rig.start(redis())
        if "nginx" in what: await rig.start(nginx("return 200;"))
        if "node" in what:
            port = rig.free_port()
            script = rig.scratch / "server.js"
            script.write_text(f"require('http').createServer().listen({port}, '127.0.0.1')")
            await rig.start([script], name="node", port=port)
        if "daemon" in what:
            await rig.start([sys.executable, "-c", DAEMON], name="daemon", ready=LogReady("daemon"))
        print(*[each.pid for process in rig.processes for each in process.members()], flush=True)
        await asyncio.Event().wait()
"""
ALONE = """
asyncio.run(trial(Scratch(), sys.argv[1:]))
"""
KEPT = """
become_subreaper()
scratch = Scratch()
keeper = os.getpid()
child = os.fork()
if child == 0:
    die_with_parent(keeper)
    print(os.getpid(), flush=True)
    asyncio.run(trial(scratch, sys.argv[1:]))
os.waitpid(child, 0)
end_descendants(os.getpid())
scratch.remove()
"""


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the script with the parts to run; kills it at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def start(script: str, *parts: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TRIAL + script, *parts]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it ended early"
    return [int(word) for word in line.split()]


def entries(pids: list[int]) -> list[Entry]:
    found = [entry(pid) for pid in pids]
    return [each for each in found if each is not None]


def folders_of(pid: int) -> list[Path]:
    """Returns the scratch folders that a process made."""
    return [folder for place in {default_place(), *OPEN_PLACES} for folder in place.glob(f"{PREFIX}{pid}-*")]


def survivors(watched: list[Entry], timeout_s: float = 60.0) -> list[Entry]:
    """Returns who of `watched` still lives when all have ended or the time is over."""
    for each in watched:
        try:
            fd = os.pidfd_open(each.pid)
        except ProcessLookupError:
            continue
        select.select([fd], [], [], timeout_s)
        os.close(fd)
    now = [same(each) for each in watched]
    return [each for each in now if each is not None and not each.ended]


def test_servers_die_with_a_trial_that_is_killed(
    started: Callable[..., subprocess.Popen[str]], require: Callable[[str], None]
) -> None:
    for need in ("service:postgresql", "service:redis", "program:node"):
        require(need)
    owner = started(ALONE, "postgresql", "redis", "node")
    watched = entries(read_line(owner))
    assert len(watched) > 6
    assert folders_of(owner.pid)
    owner.kill()
    owner.wait()
    assert survivors(watched) == []
    sweep_stale()
    # Whoever runs beside this test sweeps as well, and may be at it just now.
    wait_until(lambda: not folders_of(owner.pid))
    segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    assert not {int(line.split()[4]) for line in segments} & {each.pid for each in watched}


def test_a_keeper_ends_what_a_killed_trial_left(
    started: Callable[..., subprocess.Popen[str]], require: Callable[[str], None]
) -> None:
    for need in ("service:postgresql", "service:nginx"):
        require(need)
    keeper = started(KEPT, "postgresql", "nginx", "daemon")
    trial = read_line(keeper)[0]
    watched = entries(read_line(keeper))
    assert len(watched) > 6
    os.kill(trial, 9)
    # It ends only when it has found nothing below itself any more.
    assert keeper.wait(60) == 0
    assert survivors(watched, 0.0) == []
    assert not [each for each in scan().values() if each.parent == keeper.pid]
    assert not folders_of(keeper.pid)


def reachable_python(account: Account) -> str:
    """Returns a Python of our version that `account` can run, or skips."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if shutil.which(path) and can_reach(Path(path).resolve().parent, account):
            return path
    pytest.skip(f"no {version} that {account.name} can run")


def test_it_all_works_for_an_ordinary_user(require: Callable[[str], None]) -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests show it: we are an ordinary user")
    for need in ("service:postgresql", "service:redis", "service:nginx", "program:node"):
        require(need)
    nobody = pwd.getpwnam("nobody")
    account = Account("nobody", nobody.pw_uid, nobody.pw_gid)
    python = reachable_python(account)
    if not can_reach(SOURCE, account) or not can_reach(PACKAGES, account):
        pytest.skip("this checkout is not open to an ordinary user")
    stop_at_once = TRIAL.replace("await asyncio.Event().wait()", "return") + KEPT
    done = subprocess.run(
        [python, "-c", stop_at_once, "postgresql", "redis", "nginx", "node", "daemon"],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": f"{SOURCE}:{PACKAGES}", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 10, done.stderr
    assert survivors(entries([int(word) for word in done.stdout.split()]), 0.0) == []
