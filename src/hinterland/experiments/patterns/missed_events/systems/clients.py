"""Clients that follow the feed of server.py, and come back when they have lost it.

    python clients.py 127.0.0.1 8080 sse 4 0.15

Four clients, by server-sent events; each gives its connection up after 0.15 s without a sign of life, and
opens another one. Ways: short_polling, long_polling, sse, websocket. Every client says which event it had
last, wherever its way has a place for that; whether the server listens is the server's affair. It prints
`ready` when all have joined, and at the end a line of JSON: for each client what it received and when (in
ns of CLOCK_MONOTONIC), and when it joined and gave up.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

CONNECT_S = 0.05
RETRY_S = 0.01
INTERVAL_S = 0.04  # Between two questions of a short poll.
END_S = 6.0


class Client(threading.Thread):
    """One client. It ends when it has the last event."""

    def __init__(self, host: str, port: int, patience_s: float) -> None:
        super().__init__(daemon=True)
        self.host, self.port, self.patience_s = host, port, patience_s
        self.last_id = 0
        self.received: list[tuple[int, int]] = []
        self.joined_ns: list[int] = []
        self.gave_up_ns: list[int] = []
        self.has_joined = threading.Event()
        self.done = False

    def run(self) -> None:
        while not self.done:
            try:
                self.follow()
            except (OSError, HTTPException, WebSocketException):
                # Before the first event there is nothing to lose: that was a slow start.
                if self.received:
                    self.gave_up_ns.append(time.monotonic_ns())
                time.sleep(RETRY_S)

    def follow(self) -> None:
        """Opens a connection and reads it until the end, or until it is silent for too long."""
        raise NotImplementedError

    def join_once(self) -> None:
        self.joined_ns.append(time.monotonic_ns())
        self.has_joined.set()

    def take(self, event: dict[str, int]) -> None:
        self.received.append((event["id"], time.monotonic_ns()))
        self.last_id = max(self.last_id, event["id"])
        self.done = self.done or bool(event["last"])

    def dial(self) -> socket.socket:
        connection = socket.create_connection((self.host, self.port), CONNECT_S)
        connection.settimeout(self.patience_s)
        return connection

    def http(self) -> HTTPConnection:
        connection = HTTPConnection(self.host, self.port)
        connection.sock = self.dial()
        return connection


class Polling(Client):
    path, interval_s = "/poll", INTERVAL_S

    def follow(self) -> None:
        connection = self.http()
        try:
            for turn in range(sys.maxsize):
                connection.request("GET", f"{self.path}?after={self.last_id}")
                for event in json.load(connection.getresponse()):
                    self.take(event)
                if turn == 0:
                    self.join_once()
                if self.done:
                    return
                time.sleep(self.interval_s)
        finally:
            connection.close()


class LongPolling(Polling):
    path, interval_s = "/wait", 0.0


class EventSource(Client):
    def follow(self) -> None:
        connection = self.http()
        try:
            connection.request("GET", "/stream", headers={"Last-Event-ID": str(self.last_id)})
            self.read(connection.getresponse())
        finally:
            connection.close()

    def read(self, stream: HTTPResponse) -> None:
        while not self.done:
            line = stream.readline()
            if not line:
                raise ConnectionError("the stream ended")
            if line == b": welcome\n":
                self.join_once()
            elif line.startswith(b"data:"):
                self.take(json.loads(line[5:]))


class WebSocketClient(Client):
    def follow(self) -> None:
        where = f"ws://{self.host}:{self.port}/socket?after={self.last_id}"
        with connect(
            where, sock=self.dial(), open_timeout=self.patience_s, ping_interval=None, close_timeout=0
        ) as connection:
            self.join_once()
            while not self.done:
                event = json.loads(connection.recv(timeout=self.patience_s))
                if event:
                    self.take(event)


WAYS: dict[str, type[Client]] = {
    "short_polling": Polling,
    "long_polling": LongPolling,
    "sse": EventSource,
    "websocket": WebSocketClient,
}


def main(host: str, port: int, way: str, count: int, patience_s: float) -> None:
    clients = [WAYS[way](host, port, patience_s) for _ in range(count)]
    for each in clients:
        each.start()
    for each in clients:
        each.has_joined.wait(END_S)
    print("ready", flush=True)
    end_s = time.monotonic() + END_S
    for each in clients:
        each.join(max(0.0, end_s - time.monotonic()))
    told = [
        {"received": each.received, "joined_ns": each.joined_ns, "gave_up_ns": each.gave_up_ns}
        for each in clients
    ]
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
