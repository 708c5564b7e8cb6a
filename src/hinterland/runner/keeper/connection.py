"""The run's end of the keeper: starts it, sends commands, receives reports, ends it."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import msgspec

from hinterland.errors import InternalError, unpacked
from hinterland.model.experiment import Experiment
from hinterland.rig.processes.scratch import clear
from hinterland.runner.trials.messages import Broken, Command, Ready, Report, line, report_decoder

START_S = 30.0
END_S = 15.0


class KeeperConnection:
    """A started keeper. Use as a context manager: leaving it ends the keeper and all below it."""

    def __init__(self, experiment: Experiment, folder: Path, wake: int) -> None:
        command_read, self._commands = os.pipe()
        self._reports, report_write = os.pipe()
        self._wake = wake
        self._pending = b""
        self._queue: deque[Report] = deque()
        self._log = folder / "keeper.log"
        self._said_before = 0
        self._scratch: Path | None = None
        environment = {
            **os.environ,
            # One thread a library: two cores are there for the systems, and a fork must not lose threads.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "ARROW_IO_THREADS": "1",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
        }
        words = ["-m", "hinterland.runner.keeper", str(command_read), str(report_write), str(folder)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                pass_fds=(command_read, report_write),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        os.close(command_read)
        os.close(report_write)
        manifest = msgspec.json.encode(experiment)
        with contextlib.suppress(BrokenPipeError):
            os.write(self._commands, len(manifest).to_bytes(4, "big") + manifest)

    def ready(self) -> Ready | None:
        """Returns once the experiment's code is loaded; None when woken before.

        Raises what the keeper found wrong with the code; InternalError when it does not answer.
        """
        began = time.monotonic()
        report = self.receive(START_S)
        if isinstance(report, Broken):
            raise unpacked(report.error)
        if isinstance(report, Ready):
            self._scratch = Path(report.scratch)
            return report
        if time.monotonic() - began >= START_S:
            raise InternalError(f"the keeper did not start: {self.last_words()}")
        return None

    def send(self, command: Command) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._commands, line(command))

    def receive(self, wait_s: float | None = None) -> Report | None:
        """Returns the next report; None after `wait_s`, or when `wake` became readable.

        Raises InternalError when the keeper died.
        """
        while not self._queue:
            ready, _, _ = select.select([self._reports, self._wake], [], [], wait_s)
            if self._wake in ready:
                os.read(self._wake, 64)
                return None
            if self._reports not in ready:
                return None
            chunk = os.read(self._reports, 1 << 16)
            if not chunk:
                raise InternalError(f"the keeper of the trials died: {self.last_words()}")
            *lines, self._pending = (self._pending + chunk).split(b"\n")
            self._queue.extend(report_decoder.decode(text) for text in lines)
        return self._queue.popleft()

    def listen(self) -> None:
        """Forgets what was printed before now, so that `last_words` are those of the next trial."""
        with contextlib.suppress(OSError):
            self._said_before = self._log.stat().st_size

    def last_words(self) -> str:
        """Returns the end of what the keeper and its trials printed since `listen`."""
        with contextlib.suppress(OSError):
            text = self._log.read_bytes()[self._said_before :].decode(errors="replace").strip()
            return " | ".join(text.splitlines()[-5:])
        return ""

    def close(self) -> None:
        """Closes the pipe, which makes the keeper clean up, and waits until it is gone."""
        for descriptor in (self._commands, self._reports):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._scratch and self._scratch.exists():
            # The keeper was killed before it could; its trial died with it.
            clear(self._scratch)
        with contextlib.suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()

    def __enter__(self) -> KeeperConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
