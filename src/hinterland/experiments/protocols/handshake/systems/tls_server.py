"""A small HTTPS server on OpenSSL: a thread for each connection, one answer, good-bye.

    python tls_server.py 8443 --address 127.0.0.1 --certificate own.crt --key own.key

Options turn on what the handshakes need: --fast-open (data in TCP's first packet), --early-data (requests in
the first flight of TLS 1.3), --curve secp384r1 (accept no other key exchange). --plain is HTTP without TLS.
The answer says whether the request came with early data. Port 0 is any free one; it is printed.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

EARLY_BYTES = 16384
BACKLOG = 128
OVER, EARLY = 2, 1
"""What SSL_read_early_data returns: there is no more of it, or some of it."""

# pyOpenSSL has the connection but not the calls for early data; the library beneath it has them.
openssl, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--fast-open", action="store_true")
    parser.add_argument("--early-data", action="store_true")
    parser.add_argument("--curve", choices=("secp256r1", "secp384r1"))
    options = parser.parse_args()
    context = None if options.plain else new_context(options)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.fast_open:
            # How many connections may have sent data before they proved where they are.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, BACKLOG)
        listener.bind((options.address, options.port))
        listener.listen(BACKLOG)
        print(f"listening on {listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            work = (connection,) if context is None else (connection, context, options.early_data)
            threading.Thread(target=serve if context is None else serve_tls, args=work, daemon=True).start()


def new_context(options: argparse.Namespace) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(options.certificate)
    context.use_privatekey_file(options.key)
    context.set_session_id(b"hinterland")
    if options.curve:
        curves = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}
        context.set_tmp_ecdh(curves[options.curve])
    if options.early_data:
        # From now on OpenSSL keeps the tickets itself and takes each only once: a copy of the first flight
        # that somebody sends again is not obeyed a second time.
        openssl.SSL_CTX_set_max_early_data(context._context, EARLY_BYTES)
    return context


def serve(connection: socket.socket) -> None:
    with connection:
        if connection.recv(65536):
            connection.sendall(answer(early=False))


def serve_tls(connection: socket.socket, context: SSL.Context, early_data: bool) -> None:
    tls = SSL.Connection(context, connection)
    tls.set_accept_state()
    try:
        early = early_data and serve_early(tls)
        tls.do_handshake()
        if not early and tls.recv(65536):
            tls.sendall(answer(early=False))
        tls.shutdown()
    except SSL.Error as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        connection.close()


def serve_early(tls: SSL.Connection) -> bool:
    """Answers a request that came in the client's first flight. Decides whether there was one."""
    handle, piece, count = tls._ssl, ffi.new("char[]", EARLY_BYTES), ffi.new("size_t *")
    request = b""
    while (status := openssl.SSL_read_early_data(handle, piece, EARLY_BYTES, count)) == EARLY:
        request += ffi.buffer(piece, count[0])[:]
        if request.endswith(b"\r\n\r\n"):
            # The client has not finished its handshake: whoever sent this may be repeating what he overheard.
            data = answer(early=True)
            openssl.SSL_write_early_data(handle, data, len(data), count)
    if status != OVER:
        raise SSL.Error("the first flight was cut off")
    return bool(request)


def answer(early: bool) -> bytes:
    body = "early\n" if early else "not early\n"
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


if __name__ == "__main__":
    main()
