"""A thread for each client. The same program runs on a Python with its global lock and on one without.

python threads.py 8080 8081 0.5    # port, the neighbour's port, share of computing
python3.14t -X gil=0 threads.py 8080 8081 0.5
"""

from __future__ import annotations

import socket
import sys
import threading

from work import Neighbour, say_build, serve  # type: ignore[import-not-found]


def main(port: int, neighbour_port: int, share: float) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    say_build()
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        neighbour = Neighbour(neighbour_port)
        threading.Thread(target=serve, args=(client, share, neighbour), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
