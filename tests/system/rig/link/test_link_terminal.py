"""`hinterland link` on a terminal of its own: job control, its size, and what its end leaves."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import wait_until

from hinterland.rig.processes.supervision import is_running

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def _link(require: Callable[[str], None]) -> None:
    require("capability:link")


class Terminal:
    """A terminal of 80 columns with `hinterland link` in it."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.pid, self.end = pty.fork()
        if not self.pid:
            os.environ.update(SHELL="/bin/sh", PS1="READY> ", TERM="dumb")
            os.environ.pop("ENV", None)
            os.execv(sys.executable, [sys.executable, "-m", "hinterland", "link", *words])
        self.resize(24, 80)
        self.said = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def in_front(self) -> int:
        """Returns the process group that has the terminal."""
        return os.tcgetpgrp(self.end)

    def until(self, text: str, timeout_s: float = 60) -> str:
        """Returns what was said up to `text`, and forgets it."""
        end_s = time.monotonic() + timeout_s
        while text not in self.said:
            ready = select.select([self.end], [], [], max(0, end_s - time.monotonic()))[0]
            assert ready, f"{text!r} did not come; there was {self.said!r}"
            self.said += os.read(self.end, 4096).decode()
        before, _, self.said = self.said.partition(text)
        return before

    def status(self, timeout_s: float = 60) -> int:
        end_s = time.monotonic() + timeout_s
        while True:
            # What it says must be read, or it waits for that.
            with contextlib.suppress(OSError):
                if select.select([self.end], [], [], 0.01)[0]:
                    self.said += os.read(self.end, 4096).decode()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end_s, self.said

    def hang_up(self) -> None:
        os.close(self.end)
        self.end = -1


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def open_terminal(*words: str) -> Terminal:
        made.append(Terminal(words))
        return made[-1]

    yield open_terminal
    for each in made:
        if each.end >= 0:
            each.hang_up()
        if each.pid:
            os.kill(each.pid, signal.SIGKILL)
            os.waitpid(each.pid, 0)


def test_a_shell_has_job_control_the_terminals_size_and_its_own_status(
    terminal: Callable[..., Terminal],
) -> None:
    shell = terminal("--rtt", "20ms", "--shell")
    shell.until("READY> ")
    itself = shell.in_front()
    shell.type("sleep 300\n")
    # A key that is typed before the shell has let go of the terminal is the shell's.
    wait_until(lambda: shell.in_front() != itself)
    shell.type("\x1a")
    shell.until("READY> ")
    assert shell.in_front() == itself
    shell.type("fg\n")
    wait_until(lambda: shell.in_front() != itself)
    shell.type("\x03")
    shell.until("READY> ")
    shell.type("echo status $? in $(stty size)\n")
    shell.until("status 130 in 24 80")
    shell.resize(30, 100)
    shell.type("stty size\n")
    shell.until("30 100")
    shell.type("exit 7\n")
    assert shell.status() == 7


def test_ctrl_c_ends_a_command_that_waits(terminal: Callable[..., Terminal]) -> None:
    waits = "import socket; print('wai' + 'ting', flush=True); socket.create_connection(('server', 7))"
    asked = terminal("--up", "cut", "--", sys.executable, "-c", waits)
    asked.until("waiting")
    asked.type("\x03")
    assert asked.status() == 130
    assert "Traceback" not in asked.said.partition("KeyboardInterrupt")[2]


def test_a_terminal_that_is_closed_leaves_nothing(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    shell = terminal(
        "--server", f"sh -c 'echo $$ > {tmp_path}/server; exec sleep 300'", "--wait", "0.2s", "--shell"
    )
    shell.until("READY> ")
    shell.type(f"setsid sh -c 'echo $$ > {tmp_path}/daemon; exec sleep 300' &\n")
    pids = []
    for name in ("server", "daemon"):
        file = tmp_path / name
        wait_until(lambda file=file: file.exists() and file.read_text().endswith("\n"))  # type: ignore[misc]
        pids.append(int(file.read_text()))
    shell.hang_up()
    pid, shell.pid = shell.pid, 0
    os.waitpid(pid, 0)
    wait_until(lambda: not any(map(is_running, pids)))
