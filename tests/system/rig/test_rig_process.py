"""Programs start, answer, fail with their reason, and end with all they started."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.errors import SetupError, SystemFailure
from hinterland.model.history import Event
from hinterland.rig.processes.process_table import entry
from hinterland.rig.readiness import HttpReady, LogReady, UnixReady
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), reuse_port=False)
print("listening", flush=True)
while True:
    listener.accept()[0].close()
"""
DAEMON = """
import os, signal, sys
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            # One write a line: unbuffered, print makes several, and two processes share the log.
            os.write(1, f"daemon {os.getpid()}\\n".encode())
            signal.pause()
        os._exit(0)
    os.wait()
daemon()
os.write(1, b"parent ready\\n")
signal.pause()
"""

DAEMON_UP = LogReady("daemon [0-9]+")

Body = Callable[[Rig], Coroutine[Any, Any, None]]


def run(scratch: Path, body: Body, runner: Callable[..., Any] = uvloop.run) -> list[Event]:
    events: list[Event] = []

    async def whole() -> None:
        trial = scratch / "trial"
        trial.mkdir(exist_ok=True)
        async with Rig(trial, scratch / "cache", events.append) as rig:
            await body(rig)

    runner(whole())
    return events


def gone(pid: int) -> bool:
    found = entry(pid)
    return found is None or found.ended


@pytest.mark.parametrize("runner", [uvloop.run, asyncio.run])
def test_a_server_is_ready_when_it_accepts(scratch: Path, runner: Callable[..., Any]) -> None:
    pids = []

    async def body(rig: Rig) -> None:
        port = rig.free_port()
        (rig.scratch / "server.py").write_text(SERVER)
        server = await rig.start([rig.scratch / "server.py", port], name="server", port=port)
        socket.create_connection(("127.0.0.1", port)).close()
        assert server.alive
        assert server.log_tail() == ("listening",)
        assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid
        pids.append(server.pid)

    events = run(scratch, body, runner)
    assert gone(pids[0])
    assert [(event.name, event.target) for event in events if event.kind == "process"] == [
        ("started", "server"),
        ("ready", "server"),
        ("exited", "server"),
    ]


def test_a_death_at_start_shows_the_last_log_lines(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        code = "print('reading settings'); raise SystemExit('no such table: orders')"
        with pytest.raises(SystemFailure) as raised:
            await rig.start([sys.executable, "-c", code], name="shop", port=rig.free_port())
        assert "ended with status 1" in raised.value.says
        assert raised.value.log[-2:] == ("reading settings", "no such table: orders")

    run(scratch, body)


def test_a_taken_port_is_named(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        port = rig.free_port()
        with socket.create_server(("127.0.0.1", port)), pytest.raises(SystemFailure) as raised:
            await rig.start([sys.executable, "-c", SERVER, port], name="late", port=port)
        assert f"{port}" in str(raised.value)
        # Whichever is seen first: the stranger on the port, or the server's own complaint.
        assert "another program" in str(raised.value)

    run(scratch, body)


def test_a_stranger_on_the_port_is_not_taken_for_ours(scratch: Path) -> None:
    # `input` would end at once on an empty standard input, so it is given one that stays open.
    read, write = os.pipe()

    async def body(rig: Rig) -> None:
        port = rig.free_port()
        with socket.create_server(("127.0.0.1", port)), pytest.raises(SystemFailure, match="another program"):
            await rig.start([sys.executable, "-c", "input()"], name="idle", port=port, stdin=read)

    try:
        run(scratch, body)
    finally:
        os.close(read)
        os.close(write)


def test_not_ready_in_time(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure, match=r"did not log a line like 'never' within 0\.2 s"):
            await rig.start(["sleep", "60"], name="mute", ready=LogReady("never", timeout_s=0.2))
        assert not rig.processes[0].alive

    run(scratch, body)


def test_other_ways_to_be_ready(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        port = rig.free_port()
        http = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
        await rig.start(http, name="http", port=port, ready=HttpReady("/"))
        path = rig.scratch / "s"
        unix = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
            " s.accept()[0].recv(1)"
        )
        await rig.start([sys.executable, "-c", unix, path], name="unix", ready=UnixReady(path))
        other = rig.free_port()
        none = HttpReady("/none", timeout_s=0.5)
        with pytest.raises(SystemFailure, match="did not answer GET /none"):
            await rig.start([*http[:-1], str(other)], name="http", port=other, ready=none)
        assert [each.name for each in rig.processes] == ["http", "unix", "http-2"]

    run(scratch, body)


def test_a_missing_program_is_a_setup_error(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match="no_such_program"):
            await rig.start(["no_such_program"], name="missing")

    run(scratch, body)


def test_a_daemon_that_left_its_session_belongs_to_the_tree(scratch: Path) -> None:
    pids: list[int] = []

    async def body(rig: Rig) -> None:
        started = await rig.start(
            [sys.executable, "-c", DAEMON], name="daemon", ready=LogReady("(?s)daemon.*ready|ready.*daemon")
        )
        line = next(line for line in started.log_tail() if line.startswith("daemon"))
        pids.append(int(line.split()[1]))
        assert not gone(pids[0])
        assert pids[0] in [each.pid for each in started.members()]
        assert await rig.kill(started)
        assert gone(pids[0])

    run(scratch, body)


def test_a_daemon_ends_with_the_trial(scratch: Path) -> None:
    pids: list[int] = []

    async def body(rig: Rig) -> None:
        started = await rig.start([sys.executable, "-c", DAEMON], name="daemon", ready=DAEMON_UP)
        line = next(line for line in started.log_tail() if line.startswith("daemon"))
        pids.append(int(line.split()[1]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(scratch, body)
    assert gone(pids[0])


def test_environment_cores_and_user(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        core = min(rig.server_cores)
        show = "echo $COLOUR $TMPDIR $(id -u) $(grep Cpus_allowed_list /proc/self/status)"
        started = await rig.start(
            ["sh", "-c", show], name="show", env={"COLOUR": "red"}, cores={core}, user=True
        )
        assert await started.wait() == 0
        colour, temporary, user, _, cores = started.log_tail()[-1].split()
        assert (colour, cores) == ("red", str(core))
        assert Path(temporary).parent == rig.scratch
        assert int(user) == (os.getuid() or pwd.getpwnam("nobody").pw_uid)

    run(scratch, body)


def test_stop_gives_a_program_its_chance(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        polite = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done"
        stubborn = "trap '' TERM; echo up; while :; do sleep 0.01; done"
        one = await rig.start(["sh", "-c", polite], name="polite", ready=LogReady("up"))
        two = await rig.start(["sh", "-c", stubborn], name="stubborn", ready=LogReady("up"))
        assert await one.stop() == 3
        assert one.log_tail()[-1] == "bye"
        assert await two.stop(grace_s=0.1) == -signal.SIGKILL

    run(scratch, body)
