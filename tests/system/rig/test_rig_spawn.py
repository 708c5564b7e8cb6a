"""A program starts where it shall run, with nothing of ours, and without a copy of this process."""

from __future__ import annotations

import asyncio
import marshal
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.errors import InternalError, SystemFailure
from hinterland.rig.processes.process_table import children_of
from hinterland.rig.processes.spawn import (
    WRAPPER,
    NotPreparedError,
    Place,
    launch,
    launch_async,
    start_async,
)
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

FAULTS = """
import mmap, resource, subprocess
from hinterland.rig.processes.spawn import Place, launch
size = 64 << 20
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
pages = range(0, size, mmap.PAGESIZE)
def touch():
    for at in pages:
        memory[at] = 1
def faults(start):
    touch()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with start() as program:
        touch()
        program.wait()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
launched = faults(lambda: launch(["/bin/sleep", "0"], Place("/"), {}))
forked = faults(lambda: subprocess.Popen(["/bin/sleep", "0"], preexec_fn=lambda: None))
print(launched, forked, len(pages))
"""
WAITER = """
import sys
print("ready", flush=True)
words = [sys.stdin.readline().strip()]
print("told", *words, flush=True)
print("then", len(sys.stdin.read()), flush=True)
"""


def text(words: list[str], place: Place, **options: object) -> str:
    env = {"PATH": os.environ["PATH"], "ONLY": "\udce9 this"}
    with launch(words, place, env, stdout=subprocess.PIPE, **options) as process:
        return os.fsdecode(process.communicate()[0])


def test_it_copies_no_memory() -> None:
    """A page that was copied, or might have been, is marked, and writing to it faults."""
    found = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    launched, forked, pages = map(int, found.stdout.split())
    assert forked >= pages
    assert launched < pages / 4


def test_it_runs_when_launch_returns(tmp_path: Path) -> None:
    with launch(["sleep", "60"], Place(str(tmp_path)), {**os.environ}) as process:
        assert os.readlink(f"/proc/{process.pid}/exe") == os.path.realpath("/bin/sleep")
        assert os.readlink(f"/proc/{process.pid}/cwd") == str(tmp_path.resolve())
        assert process.args == ["sleep", "60"]
        process.kill()


def test_it_inherits_what_it_was_given_and_nothing_else(tmp_path: Path) -> None:
    assert text(["env"], Place("/")).splitlines() == [f"PATH={os.environ['PATH']}", "ONLY=\udce9 this"]
    status = text(["cat", "/proc/self/status"], Place("/", cores=frozenset({0}), open_files=(100, 200)))
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Cpus_allowed_list"] == "0"
    assert int(fields["SigIgn"], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0
    assert text(["sh", "-c", "ulimit -Sn; ulimit -Hn"], Place("/", open_files=(100, 200))) == "100\n200\n"
    # The fourth is the one through which the folder is listed.
    listed = ["ls", "/proc/self/fd"]
    assert text(listed, Place("/")).split() == ["0", "1", "2", "3"]
    kept = os.open(tmp_path, os.O_RDONLY)
    try:
        assert str(kept) in text(listed, Place("/"), pass_fds=(kept,)).split()
        os.set_inheritable(kept, True)
        assert str(kept) not in text(listed, Place("/")).split()
        assert str(kept) in text(listed, Place("/"), close_fds=False).split()
    finally:
        os.close(kept)


def test_what_cannot_run_is_told_as_popen_tells_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tool").write_text("#!/bin/sh\necho first\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "tool").write_text("#!/bin/sh\necho second\n")
    (tmp_path / "b" / "tool").chmod(0o755)
    (tmp_path / "noise").write_bytes(b"\1\2\3")
    (tmp_path / "noise").chmod(0o755)
    place = Place(str(tmp_path))
    found = {"PATH": f"/nowhere:{tmp_path}/a:{tmp_path}/b"}
    with launch(["tool"], place, found, stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == b"second\n"
    for words, env, error in (
        (["no-such"], {"PATH": "/usr/bin"}, FileNotFoundError),
        (["./no-such"], {}, FileNotFoundError),
        (["tool"], {"PATH": f"/nowhere:{tmp_path}/a"}, PermissionError),
        (["./noise"], {}, OSError),
    ):
        with pytest.raises(error) as ours:
            launch(words, place, env)
        with pytest.raises(error) as theirs:
            subprocess.Popen(words, env=env, cwd=tmp_path)
        assert (ours.value.errno, ours.value.strerror) == (theirs.value.errno, theirs.value.strerror)
    with pytest.raises(FileNotFoundError):
        launch(["true"], Place(str(tmp_path / "gone")), {})
    with pytest.raises(NotPreparedError, match="No such file"):
        launch(["true"], Place("/", groups=(tmp_path / "gone",)), {"PATH": "/usr/bin:/bin"})


def test_a_program_whose_parent_is_gone_already_does_not_run(tmp_path: Path) -> None:
    place: dict[str, object] = {
        "groups": [], "cores": [], "open_files": None, "namespaces": [], "folder": "/", "account": None,
        "restore_signals": True, "parent": 2**22 + 1,
    }  # fmt: skip
    order = os.memfd_create("order")
    try:
        touch = ["touch", str(tmp_path / "it ran")]
        os.write(order, marshal.dumps((place, ["/bin/touch"], touch, {})))
        os.lseek(order, 0, os.SEEK_SET)
        words = [sys.executable, "-I", "-S", WRAPPER, str(order), "2"]
        assert subprocess.run(words, pass_fds=(order,)).returncode == -signal.SIGKILL
    finally:
        os.close(order)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_waits_begins_when_it_is_told(scratch: Path) -> None:
    program = scratch / "waiter.py"
    program.write_text(WAITER)

    async def body() -> None:
        async with Rig(scratch, scratch / "cache", lambda event: None) as rig:
            waiter = await rig.start([program], name="waiter", waits=True)
            assert waiter.log_tail() == ("ready",)
            waiter.tell("begin")
            waiter.hang_up()
            assert await waiter.wait() == 0
            assert waiter.log_tail() == ("ready", "told begin", "then 0")
            with pytest.raises(SystemFailure, match="before it was told"):
                waiter.tell("again")
            await waiter.restart()
            waiter.tell("once more")
            waiter.hang_up()
            assert await waiter.wait() == 0
            other = await rig.start(["sleep", "60"], name="other")
            with pytest.raises(InternalError, match="waits for nothing"):
                other.tell()

    uvloop.run(body())


def test_in_a_loop_a_program_says_what_it_can_not_do(tmp_path: Path) -> None:
    async def scenario() -> None:
        pipe = asyncio.subprocess.PIPE
        process = await launch_async(["echo", "here"], Place(str(tmp_path)), dict(os.environ), stdout=pipe)
        assert await process.communicate() == (b"here\n", None)
        with pytest.raises(FileNotFoundError):
            await launch_async(["no-such-program"], Place(str(tmp_path)), dict(os.environ))
        with pytest.raises(NotPreparedError):
            await launch_async(
                ["echo"], Place(str(tmp_path), groups=(tmp_path / "gone" / "g",)), dict(os.environ)
            )

    asyncio.run(scenario())


def test_a_wrapper_that_has_ended_already_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    start, read = asyncio.create_subprocess_exec, asyncio.to_thread

    async def kept(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    async def read_late(*call: Any) -> Any:
        found = await read(*call)
        await started[-1].wait()
        return found

    async def scenario() -> None:
        with pytest.raises(FileNotFoundError):
            await launch_async(["no-such-program"], Place(str(tmp_path)), dict(os.environ))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", kept)
    monkeypatch.setattr(asyncio, "to_thread", read_late)
    asyncio.run(scenario())


def test_whoever_stops_waiting_for_a_start_leaves_no_process(tmp_path: Path) -> None:
    # Who opens a pipe that nobody reads waits: so the wrapper does not get to its program.
    group = tmp_path / "group"
    os.mkfifo(group)

    async def scenario() -> None:
        before = children_of(os.getpid())
        starting = asyncio.create_task(
            launch_async(["sleep", "60"], Place(str(tmp_path), groups=(group,)), dict(os.environ))
        )
        async with asyncio.timeout(60):
            while children_of(os.getpid()) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            assert children_of(os.getpid()) == before

    asyncio.run(scenario())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_start_that_is_cancelled_at_any_step_leaves_no_process(run: Any, tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    options = {"stdin": pipe, "stdout": pipe, "stderr": pipe}

    async def cancelled_after(steps: int, starting: asyncio.Task[asyncio.subprocess.Process]) -> bool:
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        try:
            process = await starting
        except asyncio.CancelledError:
            return True
        process.kill()
        await process.wait()
        return False

    async def scenario(start: Any) -> None:
        before = children_of(os.getpid())
        steps = 0
        while await cancelled_after(steps, asyncio.create_task(start())):
            assert children_of(os.getpid()) == before, f"cancelled after {steps} steps"
            steps += 1
        assert steps > 2

    run(scenario(lambda: start_async(["sleep", "60"], **options)))
    run(scenario(lambda: launch_async(["sleep", "60"], Place(str(tmp_path)), dict(os.environ), **options)))
