"""A command at one end of a link and a server at the other: started, waited for, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import IO, Any

from hinterland.cli.terminal.output import paint, wrapped
from hinterland.load.conductor.link_proof import note_for
from hinterland.rig.link import programs
from hinterland.rig.link.link import Link
from hinterland.rig.link.listeners import daemons, wait_until

GRACE_S = 5.0
DYING_S = 0.1
PAUSE_S = 0.01
ENDS = (signal.SIGTERM, signal.SIGHUP)


def serve(link: Link, command: Sequence[str], patience_s: float) -> subprocess.Popen[Any]:
    """Starts the server in its host, its output going to our stderr, and returns when it listens.

    It may become a daemon. Says so when it listens on 127.0.0.1 alone, or on nothing after `patience_s`.
    Raises SystemFailure when it ends before.
    """
    # A session of its own: the Ctrl-C that the command is to handle must not end the server.
    server = programs.start(
        link.server,
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        start_new_session=True,
    )
    reached, found = wait_until(link.server, server, lambda each: not each.only_itself, patience_s)
    if reached:
        return server
    if found:
        ports = ", ".join(f"{each.address} port {each.port}" for each in found)
        warn(
            f"The server listens on {ports} only, where the other end can't reach it.\n"
            f"  Let it listen on {'::, ' if link.server.address6 else ''}0.0.0.0 or {link.server.address}."
        )
    else:
        warn(f"The server listens on nothing after {patience_s:g} s; the command begins all the same.")
    return server


def run(link: Link, command: Sequence[str], *, output: IO[Any] | None = None) -> int:
    """Runs the command in the client's host with this terminal, and returns its exit status.

    That is 128 + N when signal N ended it, as shells have it. Ctrl-C is the command's to handle; a SIGTERM or
    SIGHUP for us is passed on to it.
    """
    with _signals_passed_on() as passed:
        process = programs.start(link.client, command, stdout=output, env=note_for(link.client))
        passed.append(process)
        try:
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _signals_passed_on() -> Iterator[list[subprocess.Popen[Any]]]:
    """While entered, Ctrl-C is left to the command, and what asks us to end asks it to."""
    running: list[subprocess.Popen[Any]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        for each in running:
            each.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in ENDS}
    # A handler, not SIG_IGN: the command would inherit that, and be deaf to Ctrl-C itself.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield running
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def broken(server: subprocess.Popen[Any] | None, status: int) -> int:
    """Returns with what status the server failed while the command ran, 0 if it did not.

    `status` is the command's.
    """
    if server is None:
        return 0
    if status:
        # The command often fails because the server just did, and is faster in that.
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(DYING_S)
    return server.poll() or 0


def end(link: Link, server: subprocess.Popen[Any] | None) -> int:
    """Ends the server in good order, then whatever else still runs in the link's hosts.

    Returns how many processes the command left behind.
    """
    if server is not None and server.poll() == 0:
        end_s = time.monotonic() + GRACE_S
        for pid in daemons(link.server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while daemons(link.server) and time.monotonic() < end_s:
            time.sleep(PAUSE_S)
    if server is not None and server.poll() is None:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_S)
        if server.poll() is None:
            server.kill()
            server.wait()
    return link.clear()


def shell() -> list[str]:
    """Returns the command that opens the person's own shell."""
    return [os.environ.get("SHELL") or "/bin/sh"]


def warn(text: str) -> None:
    """Prints a warning on stderr."""
    lines = [wrapped(line, 2, first="  " if line.startswith("  ") else "") for line in text.splitlines()]
    print(paint("\n".join(lines), "yellow", stream=sys.stderr), file=sys.stderr, flush=True)
