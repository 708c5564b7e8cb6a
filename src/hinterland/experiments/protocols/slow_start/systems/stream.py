"""Downloads without end, sends pings beside it, and after a start counts what arrives and how late pings are.

    python stream.py 127.0.0.1 7000 0.7 0.5
    python stream.py 127.0.0.1 7000 0.7 0.5 alone       # without pings

The numbers are the seconds before the window that counts, and its length. It says when it is ready, begins at
Enter, and prints one line of JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

PING_EVERY_NS = 10_000_000
PATIENCE_NS = 700_000_000  # So long a ping may be under way.
READ_BYTES = 1 << 20
# Where struct tcp_info (linux/tcp.h) has tcpi_rcv_mss and tcpi_data_segs_in.
SEGMENT_SIZE_AT, SEGMENTS_IN_AT, TCP_INFO_BYTES = 20, 152, 160


class Pings:
    """Small packets beside the download, one each 10 ms, and how long each took there and back."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((address, port))
        self.socket.setblocking(False)
        self.sent_ns: list[int] = []
        self.took_us: dict[int, float] = {}

    @property
    def all_back(self) -> bool:
        """True when the last one is back: they keep their order, so what is missing then got lost."""
        return not self.sent_ns or len(self.sent_ns) - 1 in self.took_us

    def send(self, now_ns: int) -> None:
        self.socket.send(len(self.sent_ns).to_bytes(4, "big"))
        self.sent_ns.append(now_ns)

    def receive(self, now_ns: int) -> None:
        number = int.from_bytes(self.socket.recv(64), "big")
        self.took_us[number] = (now_ns - self.sent_ns[number]) / 1000


def arrived_bytes(server: socket.socket) -> int:
    """Returns what has reached this kernel, in order or not; a program sees what follows a gap only later."""
    info = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    segment_bytes, segments = (
        int.from_bytes(info[place : place + 4], sys.byteorder) for place in (SEGMENT_SIZE_AT, SEGMENTS_IN_AT)
    )
    return segment_bytes * segments


def measure(address: str, port: int, settle_s: float, window_s: float, alone: bool) -> dict[str, object]:
    """Returns the bytes that arrived in the window, its length, and its pings; null for a lost one."""
    clock = time.monotonic_ns
    with socket.create_connection((address, port), timeout=20) as server, selectors.DefaultSelector() as both:
        server.sendall(b"forever\n")
        server.setblocking(False)
        pings = Pings(address, port)
        both.register(server, selectors.EVENT_READ)
        both.register(pings.socket, selectors.EVENT_READ)
        begin_ns = clock() + round(settle_s * 1e9)
        end_ns = begin_ns + round(window_s * 1e9)
        due_ns = begin_ns
        seen: list[tuple[int, int]] = []  # What had arrived, and when, at both ends of the window.
        while len(seen) < 2 or not (pings.all_back or clock() > end_ns + PATIENCE_NS):
            for key, _ in both.select(max(0, due_ns - clock()) / 1e9 if due_ns < end_ns else 0.05):
                if key.fileobj is pings.socket:
                    pings.receive(clock())
                else:
                    server.recv(READ_BYTES)
            if due_ns <= (now_ns := clock()) < end_ns:
                if not seen:
                    seen.append((now_ns, arrived_bytes(server)))
                if not alone:
                    pings.send(now_ns)
                due_ns += PING_EVERY_NS
            elif now_ns >= end_ns and len(seen) == 1:
                seen.append((now_ns, arrived_bytes(server)))
        pings.socket.close()
    (begin_ns, before), (end_ns, after) = seen
    took = [pings.took_us.get(number) for number in range(len(pings.sent_ns))]
    return {"received_bytes": after - before, "window_s": (end_ns - begin_ns) / 1e9, "pings_us": took}


if __name__ == "__main__":
    print("ready: press Enter to begin", flush=True)
    sys.stdin.readline()
    address, port, settle_s, window_s, *more = sys.argv[1:]
    print(json.dumps(measure(address, int(port), float(settle_s), float(window_s), "alone" in more)))
