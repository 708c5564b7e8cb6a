"""How a load reaches its server: with a socket of this process, or one that was made in a host of a link."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

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
    if new_socket is None:
        _, made = await loop.create_connection(protocol, host, port, ssl=tls, server_hostname=name)
        return made
    raw = new_socket()
    try:
        raw.setblocking(False)
        await loop.sock_connect(raw, (host, port))
        # From here on the loop owns it, and closes it when the handshake fails.
        _, made = await loop.create_connection(protocol, sock=raw, ssl=tls, server_hostname=name)
    except BaseException:
        raw.close()
        raise
    return made
