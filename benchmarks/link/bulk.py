"""One TCP connection that sends as fast as it may, and what arrives of it in a window of time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass

CHUNK = bytes(1 << 16)
WARM_UP_SHARE = 0.3
PORT = 5001
PAYLOAD_BYTES = 1448
"""Of an IP packet of 1,500 bytes: 20 are IP's header, 20 TCP's, and 12 its timestamps."""

PACKET_BYTES = 1500


@dataclass(frozen=True, slots=True)
class Transfer:
    """What arrived after the start of the connection was left behind: payload, and for how long."""

    payload_bytes: int
    duration_s: float

    def rate_mbit(self, packet_bytes: int = PACKET_BYTES) -> float:
        """Returns the rate with headers, where a full packet counts with `packet_bytes`."""
        return self.payload_bytes * 8 / self.duration_s / 1e6 * packet_bytes / PAYLOAD_BYTES


def transfer(source: socket.socket, sink: socket.socket, address: str, duration_s: float) -> Transfer:
    """Sends from `source` to `sink`, which listens at `address`, for `duration_s`. Closes both."""
    with source, sink:
        sink.bind((address, PORT))
        sink.listen()
        source.connect((address, PORT))
        accepted, _ = sink.accept()
        stop = threading.Event()
        sender = threading.Thread(target=_send, args=(source, stop))
        with accepted:
            sender.start()
            try:
                _receive(accepted, duration_s * WARM_UP_SHARE)
                return _receive(accepted, duration_s * (1 - WARM_UP_SHARE))
            finally:
                stop.set()
                for end in (accepted, source):
                    # The second may have heard of the end from the first.
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                sender.join()


def _send(source: socket.socket, stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            source.sendall(CHUNK)
    except OSError:
        pass  # The receiver has seen enough.


def _receive(accepted: socket.socket, duration_s: float) -> Transfer:
    buffer = bytearray(1 << 18)
    began_s = last_s = time.monotonic()
    total = 0
    while (last_s := time.monotonic()) - began_s < duration_s:
        found = accepted.recv_into(buffer)
        if not found:
            break
        total += found
    return Transfer(total, last_s - began_s)
