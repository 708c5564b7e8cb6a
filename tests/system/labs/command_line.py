"""The command line in processes of its own: with a scaffolded experiment, with pipes or on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "hinterland"]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
DEADLINE_S = 180.0


@dataclass
class Place:
    """A folder with a scaffolded experiment `patterns/mine`, and a store beside it."""

    folder: Path
    environment: dict[str, str]

    def hinterland(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Returns how `hinterland ARGUMENTS` ended, called in the folder."""
        return self.call([*COMMAND, *arguments], **changes)

    def call(self, command: list[str], **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


def scaffolded(folder: Path) -> Place:
    """Returns a place whose experiment has been made by `hinterland new`."""
    environment = {
        **os.environ,
        "HINTERLAND_STORE": str(folder / "store"),
        "HINTERLAND_BUSY_CORES": "64",
        "TMPDIR": str(folder),
    }
    for name in ("NO_COLOR", "HINTERLAND_DEBUG", "HINTERLAND_EXPERIMENTS"):
        environment.pop(name, None)
    place = Place(folder, environment)
    made = place.hinterland("new", "patterns/mine")
    assert made.returncode == 0, made.stderr
    return place


def wait_until(holds: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
    """Looks again and again until `holds`; fails the test after `timeout_s`."""
    end_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.01)


class Terminal:
    """A command on a terminal of 80 by 24; `seen` is all that it wrote."""

    def __init__(self, place: Place, *arguments: str, **changes: str) -> None:
        environment = {
            **place.environment,
            "TERM": "xterm-256color",
            "COLUMNS": "80",
            "LINES": "24",
            **changes,
        }
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(place.folder)
            os.execvpe(COMMAND[0], [*COMMAND, *arguments], environment)
        self.seen = ""

    def read_until(self, text: str) -> None:
        """Reads until `text` was seen; with an empty text until the command's end of the terminal closes."""
        deadline = time.monotonic() + DEADLINE_S
        while not text or text not in self.plain:
            assert time.monotonic() < deadline, self.plain
            if not select.select([self.screen], [], [], 1.0)[0]:
                continue
            try:
                chunk = os.read(self.screen, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                assert not text, self.plain
                return
            self.seen += chunk.decode(errors="replace")

    @property
    def plain(self) -> str:
        return ANSI.sub("", self.seen)

    def end(self) -> int:
        """Returns the exit status once the command has ended."""
        self.read_until("")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.screen)
        return os.waitstatus_to_exitcode(status)
