"""Becomes another program in the place that is meant for it: its host, cores, groups, user and folder.

    python -I -S exec_wrapper.py ORDER REPORT

The rig starts programs through it (spawn.py says why). ORDER and REPORT are descriptors: a file with what
is to be done, and a pipe that the kernel closes when the program runs, or that gets the reason why it does
not. It runs alone and imports what starts fast, and nothing of ours.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import sys

# The module `signal` takes a millisecond to load.
PR_SET_PDEATHSIG, SIGKILL, SIG_DFL = 1, 9, 0
PYTHON_IGNORES = (13, 25)
"""SIGPIPE and SIGXFSZ, which every Python ignores from its start on, and a program inherits that."""

FAILED = 127
"""As a shell says of what it can't run; whoever started us reads more in the report."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def main(order: int, report: int) -> None:
    """Does what the order says and then is that program; else reports and ends."""
    prepared = False
    try:
        with open(order, "rb") as file:
            place, files, words, environment = marshal.load(file)
        os.set_inheritable(report, False)
        prepare(**place)
        prepared = True
        run(files, words, environment)
    except OSError as error:
        os.write(report, marshal.dumps((prepared, error.errno, error.strerror or str(error))))
    os._exit(FAILED)


def run(files: list[str], words: list[str], environment: dict[str, str]) -> None:
    """Becomes the first of `files` that there is. Raises OSError when none is, or what is there can't be run.

    Not os.execvpe: it would load a module of Python's, which another user may not read.
    """
    reason = None
    for file in files:
        try:
            os.execve(file, words, environment)
        except (FileNotFoundError, NotADirectoryError) as error:
            missing = error
        except OSError as error:
            reason = reason or error
    raise reason or missing


def prepare(
    groups: list[str],
    cores: list[int],
    open_files: tuple[int, int] | None,
    namespaces: list[tuple[int, int]],
    folder: str,
    account: tuple[int, int] | None,
    restore_signals: bool,
    parent: int,
) -> None:
    """Goes where the program shall be. namespaces: (descriptor, kind) in order; parent: whose end ends us."""
    for path in groups:
        group = os.open(path, os.O_WRONLY)
        os.write(group, b"0")
        os.close(group)
    if cores:
        os.sched_setaffinity(0, cores)
    if open_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, open_files)
    for descriptor, kind in namespaces:
        # os.setns would need Python 3.12.
        checked(_libc.setns(descriptor, kind), "setns")
        os.close(descriptor)
    # Entering a mount namespace has led us to its root folder.
    os.chdir(folder)
    if account is not None:
        os.setgroups([])
        os.setgid(account[1])
        os.setuid(account[0])
    if restore_signals:
        for number in PYTHON_IGNORES:
            _libc.signal(number, SIG_DFL)
    if parent:
        # Last, because the kernel forgets it when credentials change.
        checked(_libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:
            os.kill(os.getpid(), SIGKILL)


def checked(result: int, what: str) -> None:
    """Raises OSError when a call of the C library failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
