"""How a load reaches its server: with a socket of this process, or one that was made in a host of a link."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from hinterland.load.failures import because, code_of
from hinterland.load.recorder import CLOSED, DNS, FILE_LIMIT, NO_PORT, REFUSED, RESET, TIMEOUT, UNREACHABLE
from hinterland.load.tls import why

SocketMaker = Callable[[], socket.socket]
"""Makes a socket for one TCP connection, such as `link.client.socket`."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def dial(
    protocol: Callable[[], P],
    host: str,
    port: int,
    *,
    new_socket: SocketMaker | None = None,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> P:
    """Returns the protocol of an open connection, after the handshake where there is `tls`.

    Raises OSError when there is none to be had; an ssl.SSLError is one. A cancelled call leaves no socket.
    """
    loop = asyncio.get_running_loop()
    name = (server_name or host) if tls is not None else None
    family = _family(host)
    if new_socket is None and family is None:
        _, made = await loop.create_connection(protocol, host, port, ssl=tls, server_hostname=name)
        return made
    # An address needs no lookup. A socket of our own connects in a tenth of the time that the loop takes.
    if family is None and new_socket is not None:
        raw = await _connected(new_socket, host, port)
    else:
        raw = new_socket() if new_socket is not None else socket.socket(family or socket.AF_INET)
    try:
        if family is not None:
            raw.setblocking(False)
            await loop.sock_connect(raw, (host, port))
        # From here on the loop owns it, and closes it when the handshake fails.
        _, made = await loop.create_connection(protocol, sock=raw, ssl=tls, server_hostname=name)
    except BaseException:
        raw.close()
        raise
    return made


async def _connected(new_socket: SocketMaker, host: str, port: int) -> socket.socket:
    """Returns a socket that is connected to the first address of a name that takes it, of the socket's
    family.

    Raises OSError, that of the last address, where none does.
    """
    loop = asyncio.get_running_loop()
    raw = new_socket()
    try:
        addresses = [each[4] for each in await loop.getaddrinfo(host, port, family=raw.family, type=raw.type)]
        for place, address in enumerate(addresses):
            if place:
                # One that was refused once connects no more.
                raw.close()
                raw = new_socket()
            raw.setblocking(False)
            try:
                await loop.sock_connect(raw, address)
            except OSError:
                if place + 1 == len(addresses):
                    raise
            else:
                break
    except BaseException:
        raw.close()
        raise
    return raw


def _family(host: str) -> socket.AddressFamily | None:
    """Returns the family of an address, None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family
    return None


def code_for(failure: OSError) -> int:
    """Returns the code of what kept a connection from opening; a TLS failure has its reason in words."""
    if isinstance(failure, ssl.SSLError):
        return code_of(f"tls: {why(failure)}")
    if isinstance(failure, socket.gaierror):
        return because(DNS, failure.strerror or "")
    for kind, code in (
        (ConnectionRefusedError, REFUSED),
        (ConnectionResetError, RESET),
        (BrokenPipeError, RESET),
        (TimeoutError, TIMEOUT),
    ):
        if isinstance(failure, kind):
            return code
    if failure.errno in _LIMITS:
        return _LIMITS[failure.errno]
    return because(UNREACHABLE, failure.strerror or str(failure))


_LIMITS = {errno.EMFILE: FILE_LIMIT, errno.ENFILE: FILE_LIMIT, errno.EADDRNOTAVAIL: NO_PORT}


def code_at_end(failure: Exception | None) -> int:
    """Returns the code of what ended an open connection: None is its end in good order.

    An alert of TLS may come after the handshake, and says more than the end that follows it.
    """
    if failure is None:
        return CLOSED
    if isinstance(failure, ssl.SSLError):
        return code_of(f"tls: {why(failure)}")
    if isinstance(failure, ConnectionResetError | BrokenPipeError) or not isinstance(failure, OSError):
        return RESET
    return because(RESET, failure.strerror or str(failure))
