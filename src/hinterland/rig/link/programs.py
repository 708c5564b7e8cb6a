"""Ordinary programs in the hosts of a link: started there, waited for, ended with it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hinterland.errors import SetupError, UsageError
from hinterland.rig.link.host import Host
from hinterland.rig.link.listeners import wait_for_port
from hinterland.rig.processes.spawn import NotPreparedError, Place, launch


def start(
    host: Host,
    command: Sequence[str | Path],
    *,
    port: int | None = None,
    patience_s: float = 10.0,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Starts a program in `host`, in this process's folder; `options` are those of subprocess.Popen.

    With `port`, returns when the other end can reach it there, and ends it where that is not so after
    `patience_s`. It dies with this process. Raises UsageError when there is no such program or folder, or no
    link any more; SystemFailure when it does not listen.
    """
    host.link.check_open()
    words = _words(host, command, bool(options.get("shell")))
    if "preexec_fn" in options:
        raise UsageError("preexec_fn would not run in the host.", "Let the program do it itself.")
    environment = {**os.environ, **(options.pop("env", None) or {}), **addresses(host)}
    folder = _folder(options.pop("cwd", None))
    # The kernel watches the thread that starts it: a child of another one would end with that thread.
    with_parent = threading.current_thread() is threading.main_thread()
    place = Place(folder, host.namespaces, with_parent=with_parent)
    try:
        process = launch(words, place, environment, **options)
    except NotPreparedError as error:
        raise SetupError(
            f"{words[0]} could not be put into {host.name} ({error}).", "hinterland doctor"
        ) from error
    except OSError as error:
        raise _not_run(words[0], folder, error) from error
    # Those whose end is known already are not kept: a test may run thousands.
    host.link.programs = [each for each in host.link.programs if each.returncode is None] + [process]
    if port is not None:
        try:
            wait_for_port(host, process, port, patience_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return process


def _words(host: Host, command: Sequence[str | Path], shell: bool) -> list[str]:
    """Returns the words of a command. Raises UsageError for none, and for a text that nobody has split."""
    if isinstance(command, str | Path):
        if not shell:
            raise UsageError(
                f"{host.name}: the command {str(command)!r} is a text, and must be a list of words.",
                f"Give {str(command).split()}.",
            )
        return [str(command)]
    words = [str(word) for word in command]
    if not words or not words[0]:
        raise UsageError(f"{host.name}: the command is empty.", "Give a program and its arguments.")
    return words


def _folder(asked: str | Path | None) -> str:
    """Returns the folder to start in, this process's own for None. Raises UsageError where it is gone."""
    try:
        folder = os.path.abspath(asked or os.getcwd())
    except FileNotFoundError as error:
        raise UsageError(
            "The folder that this was started in is gone.", "Change to one that exists."
        ) from error
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: there is no such folder to start in.")
    return folder


def _not_run(program: str, folder: str, error: OSError) -> UsageError:
    """Returns the error for a program that the kernel would not start, with what a person can do."""
    if error.errno == errno.ENOEXEC:
        return UsageError(
            f"{program}: it is not a program ({error.strerror}).",
            "A script says in its first line what runs it, such as #!/bin/sh.",
        )
    # Where the PATH leads through a folder that is closed to us, the kernel says so of what is nowhere.
    astray = "/" not in program and shutil.which(program) is None
    if not isinstance(error, FileNotFoundError) and not astray:
        advice = "Make it executable: chmod +x" if isinstance(error, PermissionError) else ""
        return UsageError(f"{program}: it can't be run ({error.strerror}).", advice)
    if "/" not in program:
        return UsageError(f"{program}: there is no such program.", "Is it on the PATH?")
    if os.path.exists(os.path.join(folder, program)):
        return UsageError(f"{program}: what should run it, named in its first line, is not there.")
    return UsageError(
        f"{program}: there is no such program.", f"Names that are not absolute start in {folder}."
    )


def run(
    host: Host,
    command: Sequence[str | Path],
    *,
    timeout_s: float | None,
    input: str | bytes | None = None,  # noqa: A002 -- as in subprocess.run
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Runs a program in `host` to its end; see Host.run."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    if input is not None:
        streams["stdin"] = subprocess.PIPE
    process = start(host, command, **{**streams, **options})
    with process:
        try:
            out, err = process.communicate(input, timeout=timeout_s)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def addresses(host: Host) -> dict[str, str]:
    """Returns the environment that tells a program the addresses of all hosts of its link."""
    return {
        f"HINTERLAND_{name.upper().replace('-', '_')}": each.address for name, each in host.link.hosts.items()
    }
