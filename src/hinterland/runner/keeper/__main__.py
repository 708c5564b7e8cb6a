"""The keeper: a process between a run and its trials that leaves no trace of them.

It loads an experiment's code once, forks a process for each trial, and is the subreaper of everything
below it: whatever a trial leaves behind becomes its child and is ended. When the run's end of the pipe
closes, however that came about (SIGKILL of Hinterland included), it ends the trial under way, removes the
scratch folder and exits. It has a session of its own, so that Ctrl-C reaches only the run.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import msgspec

from hinterland.errors import HinterlandError, packed
from hinterland.model.experiment import Experiment
from hinterland.model.history import Event
from hinterland.rig.machine.weather import Reading
from hinterland.rig.probes import memory
from hinterland.rig.processes.scratch import Scratch, clear, sweep_stale
from hinterland.rig.processes.supervision import become_subreaper, die_with_parent, end_descendants
from hinterland.runner.record import histories
from hinterland.runner.trials import code as experiment_code
from hinterland.runner.trials.code import Code
from hinterland.runner.trials.messages import (
    Abort,
    Begin,
    Broken,
    Exited,
    Finished,
    Noted,
    Ready,
    command_decoder,
    line,
)
from hinterland.runner.trials.trial import carry_out


class _RunGone(Exception):
    """The run closed its pipe or died."""


def main(commands: int, reports: int, manifest: bytes, folder: Path) -> None:
    """Serves one run: reads commands, forks trials, writes reports; returns when the run is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    become_subreaper()
    _raise_file_limit()
    experiment = msgspec.json.decode(manifest, type=Experiment)
    sweep_stale()
    try:
        code = experiment_code.load(experiment)
        # Once here, and not in each trial.
        histories.load_tables()
        scratch = Scratch()
    except HinterlandError as error:
        _send(reports, line(Broken(packed(error))))
        return
    cache = scratch.folder("cache")
    with scratch:
        try:
            _send(reports, line(Ready(scratch=str(scratch.path))))
            gc.collect()
            gc.freeze()
            _Keeper(code, commands, reports, folder, scratch, cache).serve()
        except (_RunGone, BrokenPipeError):
            pass
        finally:
            end_descendants(os.getpid())


class _Keeper:
    def __init__(
        self, code: Code, commands: int, reports: int, folder: Path, scratch: Scratch, cache: Path
    ) -> None:
        self._code = code
        self._commands = commands
        self._reports = reports
        self._folder = folder
        self._scratch = scratch
        self._cache = cache
        self._pending = b""

    def serve(self) -> NoReturn:
        while True:
            command = self._next(None)
            if isinstance(command, Begin):
                self._carry_out(command)

    def _carry_out(self, begin: Begin) -> None:
        scratch = self._scratch.folder(begin.trial.id)
        before = _reading()
        keeper = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._child(keeper, begin, scratch)
        ended = ""
        try:
            ended = self._watch(pid, begin.timeout_s)
        finally:
            if ended or not _exited(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            end_descendants(os.getpid())
            clear(scratch)
            # What a killed trial made elsewhere: a folder for a server's own user, a control group.
            sweep_stale()
            memory.sweep_stale()
        weather = before.weather_until(_reading())
        report = Exited(status=os.waitstatus_to_exitcode(status), ended=ended, weather=weather)
        _send(self._reports, line(report))

    def _watch(self, pid: int, timeout_s: float) -> str:
        """Waits for the trial to end. Returns why it must be ended, or nothing when it ended by itself."""
        end_s = time.monotonic() + timeout_s
        exit_fd = os.pidfd_open(pid)
        try:
            while True:
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    return f"it was still running after {timeout_s:.0f} s"
                ready, _, _ = select.select([exit_fd, self._commands], [], [], left_s)
                if exit_fd in ready:
                    return ""
                if ready and isinstance(self._next(0.0), Abort):
                    return "interrupted"
        finally:
            os.close(exit_fd)

    def _child(self, keeper: int, begin: Begin, scratch: Path) -> NoReturn:
        """The trial's process: from the fork to its exit."""
        status = 1
        try:
            die_with_parent(keeper)
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._commands)
            os.environ["TMPDIR"] = str(scratch)

            def note(event: Event) -> None:
                _send(self._reports, line(Noted(event=event)))

            finished: Finished = carry_out(
                self._code,
                begin.trial,
                folder=self._folder,
                scratch=scratch,
                cache=self._cache,
                note=note,
                pcap=begin.pcap,
            )
            _send(self._reports, line(finished))
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(status)

    def _next(self, wait_s: float | None) -> Begin | Abort | None:
        """Returns the next command; None when there is none within `wait_s`."""
        while b"\n" not in self._pending:
            if not select.select([self._commands], [], [], wait_s)[0]:
                return None
            chunk = os.read(self._commands, 65536)
            if not chunk:
                raise _RunGone
            self._pending += chunk
        text, _, self._pending = self._pending.partition(b"\n")
        command: Begin | Abort = command_decoder.decode(text)
        return command


def _reading() -> Reading:
    """The machine's counters and the CPU time of our trials: all of them are gone when this is called."""
    ended, mine = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    ours_s = ended.ru_utime + ended.ru_stime + mine.ru_utime + mine.ru_stime
    return Reading.now(ours_s=ours_s, named=True)


def _exited(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _send(reports: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(reports, view) :]


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    # Arguments: commands fd, reports fd, run folder. The manifest comes first on the commands pipe.
    commands_fd, reports_fd, run_folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    size = int.from_bytes(os.read(commands_fd, 4), "big")
    text = b""
    while len(text) < size:
        chunk = os.read(commands_fd, size - len(text))
        if not chunk:
            sys.exit(0)
        text += chunk
    os.set_inheritable(commands_fd, False)
    os.set_inheritable(reports_fd, False)
    main(commands_fd, reports_fd, text, run_folder)
