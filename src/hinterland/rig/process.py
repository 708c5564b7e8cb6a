"""One program that the rig started, with everything below it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hinterland.errors import InternalError, SetupError, SystemFailure
from hinterland.model.history import Event
from hinterland.rig.link.host import Host
from hinterland.rig.processes.process_table import Entry, descendants, entry, same, scan
from hinterland.rig.processes.spawn import NotPreparedError, Place, launch
from hinterland.rig.processes.supervision import reap
from hinterland.rig.readiness import Ready, until_ready

Record = Callable[[Event], None]
MARKER = "HINTERLAND_PROCESS"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a program is started, each time the same.

    `place`: where it runs. `stdin`: a descriptor, or one of DEVNULL and PIPE of subprocess. `stop_number`:
    the signal that asks it to end in good order.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    place: Place
    log_path: Path
    stdin: int = subprocess.DEVNULL
    stop_number: int = signal.SIGTERM


class Process:
    """A started program: the leader of a session of its own, whose output goes to `log_path`.

    `pid` and `returncode` are those of the latest start. `returncode` is None while it runs, and -9 after a
    SIGKILL. `port` is where it listens, 0 where that is not known. `watchers` are called with the new pid at
    each start. `host` is the end of a link that it runs in, None for the machine itself.
    """

    def __init__(
        self,
        name: str,
        launch: Launch,
        port: int | None,
        ready: Ready | None,
        record: Record,
        host: Host | None = None,
    ) -> None:
        self.name = name
        self.port = port or 0
        self.host = host
        self.log_path = launch.log_path
        self.pid = 0
        self.returncode: int | None = None
        self.starts = 0
        self.asked_to_end = False
        self.record = record
        self.watchers: list[Callable[[int], None]] = []
        self._launch = launch
        self._ready = ready
        self._root: Entry | None = None
        self._known: dict[int, Entry] = {}
        self._marker = b""
        self._log_from = 0
        self._ended = asyncio.Event()
        self._popen: subprocess.Popen[bytes] | None = None
        self._pidfd = -1

    @property
    def alive(self) -> bool:
        """True while its first process runs or is paused."""
        return self._popen is not None and self.returncode is None

    @property
    def stop_number(self) -> int:
        return self._launch.stop_number

    async def start(self) -> None:
        """Starts it and returns when it is ready. Raises SystemFailure with its last log lines otherwise."""
        if self.alive:
            raise InternalError(f"{self.name} runs already.", "Stop or kill it before it is started again.")
        self._spawn()
        self.note("started", pid=self.pid)
        if self._ready is not None:
            try:
                await until_ready(self, self._ready)
            except BaseException:
                self.end()
                raise
        self.note("ready")

    restart = start

    def _spawn(self) -> None:
        asked = self._launch
        if self.host is not None:
            self.host.link.check_open()
        marker = secrets.token_hex(8)
        self._marker = f"{MARKER}={marker}\0".encode()
        log = os.open(asked.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._log_from = os.fstat(log).st_size
        try:
            self._popen = launch(
                asked.argv,
                asked.place,
                {**asked.env, MARKER: marker},
                stdin=asked.stdin,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise SetupError(
                f"{self.name}: {asked.argv[0]} can't be started ({error.strerror}).",
                "See what this machine lacks: hinterland doctor",
            ) from error
        except NotPreparedError as error:
            raise InternalError(f"{self.name}: {asked.argv[0]} could not be prepared ({error}).") from error
        finally:
            os.close(log)
        self.pid = self._popen.pid
        self.returncode = None
        self.asked_to_end = False
        self.starts += 1
        self._ended = asyncio.Event()
        self._root = entry(self.pid)
        self._known = {}
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self.collect)
        for watcher in self.watchers:
            watcher(self.pid)

    def collect(self) -> None:
        """Takes note of its end, if it has ended: the kernel makes its pidfd readable then."""
        if self._popen is None or self.returncode is not None:
            return
        status = self._popen.poll()
        if status is None:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self.hang_up()
        self.returncode = status
        self._ended.set()
        self.note("exited", returncode=status, asked=self.asked_to_end)

    def members(self, table: dict[int, Entry] | None = None) -> list[Entry]:
        """Returns the processes of its tree, zombies included.

        Those are the first process, all below it, all of its session, and those that left both but carry the
        mark in their environment, or were once seen in the tree.
        """
        if self._root is None:
            return []
        table = scan() if table is None else table
        found = {each.pid: each for each in self._known.values() if _is_same(table.get(each.pid), each)}
        if _is_same(table.get(self.pid), self._root):
            found[self.pid] = table[self.pid]
        adopters = _adopters(table)
        for each in table.values():
            is_orphan = each.parent in adopters and each.pid not in found and self._is_marked(each)
            if each.session == self.pid or is_orphan:
                found[each.pid] = each
        for each in descendants(table, list(found)):
            found[each.pid] = each
        self._known = found
        return [table[pid] for pid in found]

    def _is_marked(self, one: Entry) -> bool:
        """Decides by its environment whether a process was born in our tree."""
        if self._root is None or one.start_ticks < self._root.start_ticks:
            return False
        try:
            with open(f"/proc/{one.pid}/environ", "rb") as environment:
                return self._marker in environment.read()
        except OSError:
            return False

    def remaining(self) -> list[Entry]:
        """Returns what is left of its tree after reaping the zombies that are our children."""
        left = []
        for each in self.members():
            if each.pid == self.pid:
                self.collect()
            elif each.ended and each.parent == os.getpid():
                reap(each.pid)
            if same(each) is not None:
                left.append(each)
        return left

    def signal(self, number: int) -> list[Entry]:
        """Sends `number` to every process of its tree, and returns those."""
        sent = []
        for each in self.members():
            if not each.ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, number)
                    sent.append(each)
        return sent

    async def wait(self, timeout_s: float = 20.0) -> int:
        """Returns its status when its first process has ended. Raises TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def stop(self, grace_s: float = 5.0) -> int:
        """Asks it to end in good order, kills what is left after `grace_s`, and returns its status."""
        if self.alive:
            self.asked_to_end = True
            os.kill(self.pid, self.stop_number)
            with contextlib.suppress(TimeoutError):
                await self.wait(grace_s)
        self.end()
        return self.returncode if self.returncode is not None else -signal.SIGKILL

    def tell(self, word: str = "") -> None:
        """Sends a line to a program that was started with `waits`. Raises SystemFailure when it is gone."""
        if self._popen is None or self._popen.stdin is None:
            raise InternalError(f"{self.name} waits for nothing.", "Start it with waits=True.")
        try:
            os.write(self._popen.stdin.fileno(), f"{word}\n".encode())
        except (OSError, ValueError) as error:
            raise self.failure("it ended before it was told to begin.") from error

    def hang_up(self) -> None:
        """Ends what a program that was started with `waits` can read, as Ctrl-D does."""
        if self._popen is not None and self._popen.stdin is not None:
            self._popen.stdin.close()

    def end(self, timeout_s: float = 10.0) -> None:
        """Kills its tree and returns when nothing of it is left. Raises InternalError after `timeout_s`."""
        self.asked_to_end = True
        end_s = time.monotonic() + timeout_s
        while self.signal(signal.SIGKILL) or self.remaining():
            if time.monotonic() > end_s:
                raise InternalError(f"{self.name} (process {self.pid}) did not end within {timeout_s:g} s.")
            time.sleep(0.0005)
        self.collect()

    @property
    def at(self) -> str:
        """Where it listens: `127.0.0.1:41234`, or its address on a link."""
        return f"{self.host.address if self.host else LOOPBACK}:{self.port}"

    def said(self) -> Any:
        """Returns the last line that it printed, as JSON. Raises SystemFailure where that is none."""
        lines = self.log().splitlines()
        try:
            return msgspec.json.decode(lines[-1])
        except (IndexError, msgspec.DecodeError) as error:
            raise self.failure("its last line is not JSON.") from error

    def log(self) -> str:
        """Returns what it has written to its log since its latest start."""
        with open(self.log_path, "rb") as file:
            file.seek(self._log_from)
            return file.read().decode(errors="replace")

    def log_tail(self, n: int = 20) -> tuple[str, ...]:
        """Returns the last `n` lines of its log, of its latest start if that wrote any."""
        with open(self.log_path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = self._log_from if size > self._log_from else 0
            file.seek(max(start, size - 200 * n - 4096))
            lines = file.read().decode(errors="replace").splitlines()
        return tuple(lines[-n:])

    def failure(self, says: str, next_step: str = "") -> SystemFailure:
        """Returns the error that says what went wrong with it and shows its last log lines."""
        return SystemFailure(f"{self.name}: {says}", next_step, log=self.log_tail())

    def note(self, name: str, **detail: object) -> None:
        """Records an event of its life."""
        self.record(Event(time.monotonic_ns(), "process", name, target=self.name, detail=dict(detail)))


def _is_same(now: Entry | None, then: Entry) -> bool:
    return now is not None and now.start_ticks == then.start_ticks


def _adopters(table: dict[int, Entry]) -> set[int]:
    """Returns who may become the parent of an orphan: us, our ancestors, and init."""
    found = {1}
    pid = os.getpid()
    while pid in table and pid not in found:
        found.add(pid)
        pid = table[pid].parent
    return found
