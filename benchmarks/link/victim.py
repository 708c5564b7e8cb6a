"""Opens a link, puts a program into each of its hosts and keeps packets moving, until somebody kills it."""

from __future__ import annotations

import socket

import hinterland

PORT = 9


def main() -> None:
    with hinterland.link(rtt_ms=20, rate_mbit=10, packets=True) as link:
        # One of them leaves its session, as daemons do.
        link.client.start(["sleep", "60"])
        link.server.start(["sleep", "60"], start_new_session=True)
        kind = socket.SOCK_DGRAM
        with link.client.socket(type=kind) as source, link.server.socket(type=kind) as sink:
            sink.bind((link.server.address, PORT))
            while True:
                source.sendto(bytes(1000), (link.server.address, PORT))
                sink.recv(2000)


if __name__ == "__main__":
    main()
