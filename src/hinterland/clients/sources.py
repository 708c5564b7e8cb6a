"""Where connections come from: one address has about 28,000 ports, and 127.0.0.0/8 has many addresses."""

from __future__ import annotations

import ipaddress
import itertools
import math
import socket
from collections.abc import Sequence
from pathlib import Path

from hinterland.clients.dial import SocketMaker
from hinterland.errors import SetupError, UsageError

# In Linux's headers; `socket` has it from Python 3.12 on. The port is chosen at the connect, where it must
# only differ from those in use towards the same server.
IP_BIND_ADDRESS_NO_PORT = 24
_FIRST = int(ipaddress.IPv4Address("127.0.1.1"))
MOST_ADDRESSES = 250 * 250
# Of the ports of an address: the kernel searches long for one of the last that are free.
USED_SHARE = 0.4


def addresses(host: str, connections: int, asked: int = 1) -> tuple[str, ...]:
    """Returns the addresses that so many connections to `host` come from; none: the kernel's choice will do.

    At least `asked` of them, and as many as their ports need. Raises UsageError for more than one towards a
    host that is not in 127.0.0.0/8, SetupError where the ports do not last.
    """
    ports = local_ports()
    needed = math.ceil(connections / (ports * USED_SHARE))
    count = max(asked, needed)
    if count <= 1:
        return ()
    if not _is_loopback(host):
        if asked > 1:
            raise UsageError(
                f"{asked} source addresses lead only to a host in 127.0.0.0/8, not to {host}.",
                "Leave --sources out, or load 127.0.0.1.",
            )
        raise SetupError(
            f"{connections} connections need more local ports than the {ports} of one address.",
            'Widen the range: sysctl -w net.ipv4.ip_local_port_range="1024 65535", or ask for fewer.',
        )
    if count > MOST_ADDRESSES:
        raise UsageError(f"{count} source addresses are more than {MOST_ADDRESSES}.", "Ask for fewer.")
    return tuple(_address(place) for place in range(count))


def socket_maker(chosen: Sequence[str]) -> SocketMaker | None:
    """Returns what makes sockets bound to these addresses in turn; None where there are none."""
    if not chosen:
        return None
    turn = itertools.cycle(chosen)

    def make() -> socket.socket:
        raw = socket.socket(socket.AF_INET)
        try:
            raw.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            raw.bind((next(turn), 0))
        except OSError:
            raw.close()
            raise
        return raw

    return make


def local_ports() -> int:
    """Returns how many ports the kernel may choose from for a connection."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except (OSError, ValueError):
        return 28_232
    return int(high) - int(low) + 1


def _address(place: int) -> str:
    # 127.0.1.1 and on, with neither .0 nor .255 at the end.
    return str(ipaddress.IPv4Address(_FIRST + (place // 250 << 8) + place % 250))


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return False
    return address.version == 4 and address.is_loopback
