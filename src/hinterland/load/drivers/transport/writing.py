"""Writing straight to a socket, where a transport would collect what is written in a turn of the loop."""

from __future__ import annotations

import os


def write_now(descriptor: int, data: bytes | bytearray) -> int:
    """Returns how many bytes the kernel took, 0 where it has no room. Raises OSError for a broken end."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
