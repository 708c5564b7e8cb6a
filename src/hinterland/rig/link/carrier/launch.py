"""Starts the link's own process and talks to it and to its forwarder."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from hinterland.errors import InternalError, Packed, SetupError, unpacked
from hinterland.package import FOLDER
from hinterland.rig.link.kernel.plan import LinkPlan

ANSWER_S = 10.0
LARGEST_ANSWER = 1 << 18
MOST_DESCRIPTORS = 253
# Not `-m`: without the site packages, whose start-up files would be read, Python starts in half the time.
START = """\
import sys
sys.path[:0] = sys.argv.pop().split(":")
from hinterland.rig.link.carrier import process
process.main()
"""


class Channel:
    """One end of a conversation in JSON, one message a packet, each answered before the next."""

    def __init__(self, end: socket.socket, who: str) -> None:
        self._socket = end
        self._who = who
        # The answers of two threads that ask at once would else be taken for each other's.
        self._asking = threading.Lock()
        self._owner = os.getpid()
        end.settimeout(ANSWER_S)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: dict[str, Any] | LinkPlan, descriptors: Sequence[int] = ()) -> None:
        """Sends a request and descriptors. Raises InternalError when nobody is there any more."""
        try:
            socket.send_fds(self._socket, [msgspec.json.encode(request)], descriptors)
        except OSError as error:
            raise self._gone(error) from error

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Returns an answer and its descriptors. Raises the error that it carries."""
        try:
            # Not socket.recv_fds: that would leave them open in programs that are started meanwhile.
            data, more, flags, _ = self._socket.recvmsg(
                LARGEST_ANSWER, socket.CMSG_SPACE(4 * MOST_DESCRIPTORS), socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise self._gone(error) from error
        if not data or flags & socket.MSG_TRUNC:
            raise self._gone(None)
        passed = [
            int.from_bytes(content[at : at + 4], sys.byteorder)
            for level, kind, content in more
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS
            for at in range(0, len(content) // 4 * 4, 4)
        ]
        if flags & socket.MSG_CTRUNC:
            for each in passed:
                os.close(each)
            raise SetupError(f"{self._who}: this program may open no more files.", "ulimit -n unlimited")
        answer = msgspec.json.decode(data)
        if "error" in answer:
            for each in passed:
                os.close(each)
            raise unpacked(Packed(*answer["error"]), "the link")
        return answer, passed

    def ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Returns the answer to a request, with which descriptors may go."""
        with self._asking:
            self.send(request, descriptors)
            return self.receive()[0]

    def ask_for_descriptor(self, request: dict[str, Any]) -> int:
        """Returns the descriptor that comes with the answer to a request."""
        with self._asking:
            self.send(request)
            return self.receive()[1][0]

    def close(self) -> None:
        """Ends the conversation, unless we are a copy of its owner, made by a fork: the owner goes on."""
        if os.getpid() == self._owner:
            # A child that was forked meanwhile may hold the socket open; the other side would wait for it.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _gone(self, error: OSError | None) -> InternalError:
        how = f" ({error})" if error is not None and str(error) else ""
        return InternalError(
            f"{self._who} does not answer{how}: it has ended, or was stopped.",
            "If nobody killed it, please report this with the command that you ran.",
        )


class LinkChild:
    """The link's process as its parent sees it; it ends when this is closed or its parent ends."""

    def __init__(self, name: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The kernel watches the thread that forks: a child of another one would end with that thread.
        with_parent = threading.current_thread() is threading.main_thread()
        path = [str(folder.parent) for folder in (FOLDER, Path(msgspec.__file__).parent)]
        words = [str(theirs.fileno()), str(os.getpid()), str(int(with_parent)), ":".join(path)]
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, *words],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._popen.pid
        self._owner = os.getpid()
        self.channel = Channel(ours, f"the process of link {name}")

    @property
    def ours(self) -> bool:
        """Whether this process started it, and is not a copy of the one that did, made by a fork."""
        return os.getpid() == self._owner

    def close(self) -> int:
        """Ends it and returns its status when it, and what it started, is gone.

        A copy of this process, made by a fork, only lets go of it.
        """
        self.channel.close()
        if not self.ours:
            return 0
        # Not Popen.wait with a time: that looks again and again, up to 50 ms apart.
        with contextlib.suppress(ProcessLookupError):
            ended = os.pidfd_open(self.pid)
            try:
                if not wait_readable(ended, ANSWER_S):
                    self._popen.kill()
            finally:
                os.close(ended)
        return self._popen.wait()


def wait_readable(descriptor: int, timeout_s: float) -> bool:
    """Waits until there is something to read; False when there was nothing in time."""
    # Not select: a load generator's descriptors have numbers beyond what that can name.
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000))
