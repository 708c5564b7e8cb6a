"""Opens connections with one kind of handshake and says when the first byte of each answer came.

    python tls_client.py 127.0.0.1 8443 --protocol tls13 --start resumed --certificate own.crt

protocol: tcp (no TLS), tls12 or tls13. start: `first` (client and server have never met), `resumed` (with a
ticket of an earlier connection) or `early` (the request travels in the first flight).

It meets the server once for each connection that will be timed: code is warm then, and tickets and cookies
are there. The timed connections begin on a schedule, one every --every-ms, whether or not the one before has
its answer. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from OpenSSL import SSL

VERSIONS = {"tls12": SSL.TLS1_2_VERSION, "tls13": SSL.TLS1_3_VERSION}
OFFERED = b"X25519"
CURVES = OFFERED + b":P-256:P-384"
"""What the client knows; it sends along its half of the first one, in the hope that the server takes it."""
SYN_DATA = 32
"""A flag of TCP_INFO: the data that travelled with the SYN was acknowledged."""

# pyOpenSSL has the connection but not the calls for early data; the library beneath it has them.
openssl, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--protocol", choices=("tcp", *VERSIONS), default="tls13")
    parser.add_argument("--start", choices=("first", "resumed", "early"), default="first")
    parser.add_argument("--certificate")
    parser.add_argument("--name", default="localhost")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--every-ms", type=float, default=30)
    parser.add_argument("--wait", action="store_true", help="wait for a line on standard input, twice")
    options = parser.parse_args()
    client = Client(options)
    wait("ready", options)
    sessions = [met.session for met in together([(0.0, client.meet)] * options.count)]
    wait("met", options)
    begin, every_s = time.monotonic() + 0.005, options.every_ms / 1000
    timed: list[Call] = [
        (begin + number * every_s, partial(client.open, session)) for number, session in enumerate(sessions)
    ]
    print(json.dumps([met.result for met in together(timed)]), flush=True)


class Met:
    """What a connection left behind: the server's answer, its times, and the ticket for the next one."""

    def __init__(self, result: dict[str, object], session: SSL.Session | None) -> None:
        self.result, self.session = result, session


Call = tuple[float, Callable[[], Met]]
"""What to do, and when, on the monotonic clock."""


class Client:
    def __init__(self, options: argparse.Namespace) -> None:
        self.address = (options.address, options.port)
        self.name, self.protocol, self.start = options.name, options.protocol, options.start
        self.request = f"GET / HTTP/1.1\r\nHost: {options.name}\r\nConnection: close\r\n\r\n".encode()
        self.context = None if options.protocol == "tcp" else new_context(options)

    def meet(self) -> Met:
        """A first meeting: it brings a ticket, or TCP's cookie."""
        return self.open(None)

    def open(self, session: SSL.Session | None) -> Met:
        """Opens a connection and asks for one answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is None:
                return self.ask(connection)
            return self.ask_tls(connection, self.context, session)

    def ask(self, connection: socket.socket) -> Met:
        started_ns = time.monotonic_ns()
        if self.start == "early":
            # Without a cookie the kernel sends a plain SYN that asks for one.
            connection.sendto(self.request, socket.MSG_FASTOPEN, self.address)
        else:
            connection.connect(self.address)
            connection.sendall(self.request)
        if not connection.recv(65536):
            raise ConnectionError("the server closed the connection before it answered")
        done_ns = time.monotonic_ns()
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
        seen = "TCP early" if struct.unpack_from("5xB", info)[0] & SYN_DATA else "TCP"
        return Met(result(connection, started_ns, done_ns, seen), None)

    def ask_tls(self, connection: socket.socket, context: SSL.Context, session: SSL.Session | None) -> Met:
        tls = SSL.Connection(context, connection)
        tls.set_connect_state()
        tls.set_tlsext_host_name(self.name.encode())
        if session is not None and self.start in ("resumed", "early"):
            tls.set_session(session)
        started_ns = time.monotonic_ns()
        connection.connect(self.address)
        if self.start == "early" and session is not None:
            written = ffi.new("size_t *")
            openssl.SSL_write_early_data(tls._ssl, self.request, len(self.request), written)
            tls.do_handshake()
        else:
            tls.do_handshake()
            tls.sendall(self.request)
        first = tls.recv(1)
        done_ns = time.monotonic_ns()
        answer = first + rest(tls)
        seen = [tls.get_protocol_version_name()]
        if openssl.SSL_session_reused(tls._ssl):
            seen.append("resumed")
        if answer.endswith(b"\r\n\r\nearly\n"):
            seen.append("early")
        if (tls.get_group_name() or "").encode().upper() not in (b"", OFFERED.upper()):
            seen.append("retried")
        return Met(result(connection, started_ns, done_ns, " ".join(seen)), tls.get_session())


def new_context(options: argparse.Namespace) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(VERSIONS[options.protocol])
    context.set_max_proto_version(VERSIONS[options.protocol])
    # The one certificate that this client trusts is the server's own.
    context.load_verify_locations(options.certificate)
    context.set_verify(SSL.VERIFY_PEER)
    openssl.SSL_CTX_set1_curves_list(context._context, CURVES)
    return context


def rest(tls: SSL.Connection) -> bytes:
    """Returns what is left of the answer. On the way to its end the tickets arrive as well."""
    pieces = []
    with contextlib.suppress(SSL.ZeroReturnError, SSL.SysCallError):
        while piece := tls.recv(65536):
            pieces.append(piece)
    with contextlib.suppress(SSL.Error):
        # A connection that ends without good-bye may have been cut by somebody else: its ticket is void.
        tls.shutdown()
    return b"".join(pieces)


def result(connection: socket.socket, started_ns: int, done_ns: int, seen: str) -> dict[str, object]:
    port = connection.getsockname()[1]
    return {"started_ns": started_ns, "done_ns": done_ns, "seen": seen, "port": port}


def together(calls: list[Call]) -> list[Met]:
    """Makes each call at its moment in a thread of its own; returns what they returned."""

    def run(call: Call) -> Met:
        due, work = call
        select.select([], [], [], max(0.0, due - time.monotonic()))
        return work()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def wait(word: str, options: argparse.Namespace) -> None:
    """Says how far it is, and with --wait goes on when it is told to."""
    print(word, flush=True)
    if options.wait:
        sys.stdin.readline()


if __name__ == "__main__":
    main()
