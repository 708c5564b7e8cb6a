"""Starts a program without copying this process for it.

A function between fork and exec would be the easy way to put a program into a host, give it its cores and let
it die with us. But for its sake CPython forks instead of calling vfork, and then the kernel copies the page
tables of a trial, 130 MB of libraries and data: for 7 ms the trial does nothing else. So a small program of
its own goes there and then becomes the program that was asked for, with the same pid: exec_wrapper.py.
See docs/decisions/0004-launcher.md, where it is called the launcher.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hinterland.rig.processes.accounts import Account
from hinterland.rig.processes.namespaces import Namespaces

WRAPPER = str(Path(__file__).with_name("exec_wrapper.py"))


class NotPreparedError(Exception):
    """The program was not started, because its place could not be entered."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program shall run.

    `folder`: where it starts. `namespaces`: the host that it lives in, None for the machine itself. `groups`:
    `cgroup.procs` files that it enters. `cores`: those that it may use, none for all. `open_files`: soft and
    hard limit, None for ours. `account`: its user, None for our own. `with_parent`: whether it ends when the
    thread ends that starts it.
    """

    folder: str
    namespaces: Namespaces | None = None
    groups: tuple[Path, ...] = ()
    cores: frozenset[int] | None = None
    open_files: tuple[int, int] | None = None
    account: Account | None = None
    with_parent: bool = True


def launch(
    words: Sequence[str], place: Place, env: Mapping[str, str], **options: Any
) -> subprocess.Popen[Any]:
    """Starts a program and returns when it runs; `options` are those of subprocess.Popen.

    Raises OSError when the kernel won't run it, NotPreparedError when its place can't be entered.
    """
    with _ordered(words, place, env, options) as (command, passing, report):
        process = subprocess.Popen(command, **passing)
    process.args = list(words)
    with open(report, "rb") as file:
        _await_start(process, file)
    return process


async def launch_async(
    words: Sequence[str], place: Place, env: Mapping[str, str], **options: Any
) -> asyncio.subprocess.Process:
    """As `launch`, a process of the running loop; `options` are those of asyncio's."""
    with _ordered(words, place, env, options) as (command, passing, report):
        process = await start_async(command, **passing)
    with open(report, "rb") as file:
        try:
            said = await asyncio.to_thread(file.read)
        except BaseException:
            # That ends the reading, too: the file can't be closed before.
            await _end(process)
            raise
    if said:
        await _end(process)
        raise _reason(said)
    return process


async def start_async(words: Sequence[str], **options: Any) -> asyncio.subprocess.Process:
    """Starts a program of the running loop where it stands; `options` are those of asyncio's.

    Cancelled, it returns when the process is gone: uvloop would kill it, wait for it nowhere and leave a
    zombie. Raises OSError when the kernel won't run it.
    """
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*words, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await _end(await starting)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    # A wrapper that said why it can't ends by itself, and the loop may know that already.
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@contextlib.contextmanager
def _ordered(
    words: Sequence[str], place: Place, env: Mapping[str, str], options: dict[str, Any]
) -> Iterator[tuple[list[str], dict[str, Any], int]]:
    """Yields the wrapper's command, the options to start it with, and where its report is read.

    Who starts it must close the report; after an exception it is closed.
    """
    if not os.path.isdir(place.folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place.folder)
    environment = {os.fspath(name): os.fspath(value) for name, value in env.items()}
    run, files = _command(list(words), environment, options)
    entered = [] if place.namespaces is None else place.namespaces.entries()
    place_given = {
        "groups": [str(each) for each in place.groups],
        "cores": sorted(place.cores or ()),
        "open_files": place.open_files,
        "namespaces": entered,
        "folder": place.folder,
        "account": place.account and (place.account.uid, place.account.gid),
        "restore_signals": bool(options.get("restore_signals", True)),
        "parent": os.getpid() if place.with_parent else 0,
    }
    order = os.memfd_create("order", os.MFD_CLOEXEC)
    report, told = os.pipe()
    try:
        # A file and not the words of a command: those are of limited length, and everybody sees them.
        with open(order, "wb", closefd=False) as file:
            marshal.dump((place_given, files, run, environment), file)
        os.lseek(order, 0, os.SEEK_SET)
        kept = (order, told, *(descriptor for descriptor, _ in entered))
        wrapper = [sys.executable, "-I", "-S", WRAPPER, str(order), str(told)]
        yield wrapper, _passing(kept, options), report
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(order)
        os.close(told)


def _await_start(process: subprocess.Popen[Any], report: Any) -> None:
    """Returns when the kernel has closed the other end, which it does when the program runs."""
    try:
        said = report.read()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if not said:
        return
    # Closes its pipes, too.
    with process:
        process.kill()
    raise _reason(said)


def _reason(said: bytes) -> Exception:
    """Returns why the program does not run, by the wrapper's report."""
    prepared, number, text = marshal.loads(said)
    return OSError(number, text) if prepared else NotPreparedError(text)


def _command(
    words: list[str], env: Mapping[str, str], options: dict[str, Any]
) -> tuple[list[str], list[str]]:
    """Returns the words and the files that the first may mean, as subprocess.Popen reads its options."""
    if options.pop("shell", False):
        words = ["/bin/sh", "-c", *words]
    file = os.fspath(options.pop("executable", None) or words[0])
    if os.path.dirname(file):
        return words, [file]
    return words, [os.path.join(folder, file) for folder in os.get_exec_path(env)]


def _passing(kept: Sequence[int], options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options with which the wrapper inherits `kept` besides what the program is to inherit."""
    passed = {*options.pop("pass_fds", ()), *kept}
    if not options.pop("close_fds", True):
        # Popen closes all others as soon as there are some to pass: so name those that would stay open.
        passed |= {int(each) for each in os.listdir("/proc/self/fd") if _is_inherited(int(each))}
    return {**options, "pass_fds": tuple(passed)}


def _is_inherited(descriptor: int) -> bool:
    try:
        return descriptor > 2 and os.get_inheritable(descriptor)
    except OSError:
        # The one through which the folder was listed.
        return False
