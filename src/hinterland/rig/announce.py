"""How a Python system under test announces a step; needs nothing but the standard library.

`announce("charged")` tells the rig that this step is reached and waits until it may go on. Without
HINTERLAND_STEPS in the environment it does nothing. The protocol is one line and one byte over a Unix
socket, so that a system in any language can speak it: send `name\\n`, read `g`.
"""

from __future__ import annotations

import os
import socket
import threading

_thread = threading.local()


def announce(name: str) -> None:
    """Announces the step `name` and returns when the rig lets this thread go on."""
    path = os.environ.get("HINTERLAND_STEPS")
    if not path:
        return
    connection = _connection(path)
    connection.sendall(name.encode() + b"\n")
    connection.recv(1)


def _connection(path: str) -> socket.socket:
    """Returns this thread's own connection: an answer must not reach another thread."""
    kept: tuple[int, socket.socket] | None = getattr(_thread, "kept", None)
    # A forked child must not talk over its parent's connection.
    if kept is not None and kept[0] == os.getpid():
        return kept[1]
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    _thread.kept = (os.getpid(), connection)
    return connection
