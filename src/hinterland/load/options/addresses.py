"""The addresses that a name has, and the first of them at which somebody listens."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Target

LISTENS_WITHIN_S = 1.0
"""Who takes longer is there, and busy."""
HEARD_WITHIN_S = 0.5
"""A host says within this time that nobody listens on a port of UDP; this one says so at once."""

SocketOf = Callable[[int, int], socket.socket]
"""Makes a socket of a family and a type."""


async def resolved(target: Target) -> list[str]:
    """Returns the target's addresses in the resolver's order, asked for once. Raises UsageError for none."""
    name, port = target.dialled
    host = name.strip("[]")
    kind = socket.SOCK_DGRAM if target.traits.over_udp else socket.SOCK_STREAM
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{name} has no address: {why}.", "Check the name, or give its address.") from error
    # The number of an interface, without which a link-local address leads nowhere, comes apart from it.
    return list(dict.fromkeys(_scoped(entry[4]) for entry in found))


async def unix_path(path: str) -> str:
    """Returns the path of a Unix socket whole. Raises UsageError where there is none."""
    whole = Path(path).expanduser().absolute()
    if not await asyncio.to_thread(whole.is_socket):
        raise UsageError(f"{path} is no Unix socket.", "Start the server, or give the path of its socket.")
    return str(whole)


async def first_open(addresses: Sequence[str], target: Target, *, socket_of: SocketOf = socket.socket) -> str:
    """Returns the first address at which somebody listens, the first of all where nobody does.

    A single one is not asked: it is the one whatever it says.
    """
    if len(addresses) > 1:
        listens = _hears if target.traits.over_udp else _takes
        for address in addresses:
            if await listens(address, target.dialled[1], socket_of):
                return address
    return addresses[0]


async def _takes(address: str, port: int, socket_of: SocketOf) -> bool:
    """Decides whether a port of TCP is listened on: it takes a connection, or has no room for more."""
    try:
        with socket_of(_family(address), socket.SOCK_STREAM) as raw:
            raw.setblocking(False)
            async with asyncio.timeout(LISTENS_WITHIN_S):
                await asyncio.get_running_loop().sock_connect(raw, (address, port))
    except TimeoutError:
        return is_loopback(address)
    except OSError:
        return False
    return True


async def _hears(address: str, port: int, socket_of: SocketOf) -> bool:
    """Decides whether a port of UDP may be listened on: it is told an empty datagram, and nobody objects."""
    try:
        with socket_of(_family(address), socket.SOCK_DGRAM) as raw:
            raw.setblocking(False)
            raw.connect((address, port))
            raw.send(b"")
            await asyncio.sleep(0 if is_loopback(address) else HEARD_WITHIN_S)
            return raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    except OSError:
        return False


def is_loopback(address: str) -> bool:
    """Whether an address stays within this machine's loopback. `0.0.0.0` and `::` lead there, too."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback or parsed.is_unspecified


def usable(address: str) -> str:
    """Returns the address to connect to: `0.0.0.0` and `::` are for listening."""
    if not ipaddress.ip_address(address.partition("%")[0]).is_unspecified:
        return address
    return "::1" if ":" in address else "127.0.0.1"


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _scoped(address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    host = str(address[0])
    if len(address) == 4 and address[3] and "%" not in host:
        return f"{host}%{address[3]}"
    return host
