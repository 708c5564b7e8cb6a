"""TCP ports of 127.0.0.1: which are free, and which process listens on one."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hinterland.errors import SetupError

LOWEST = 10_240
LISTENING, UNCONNECTED = "0A", "07"
MAPPED = b"\0" * 10 + b"\xff\xff"
"""What an IPv4 address begins with where it is written as one of IPv6."""


class Ports:
    """Hands out free ports, each once, and holds them against other runs of Hinterland until `close`.

    They lie below the range from which the kernel takes the ports of outgoing connections: there a client's
    connection could take the port of a server that was killed, before its restart.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []
        # Not the trial's seed: two runs with the same seed must not reach for the same ports.
        self._random = random.SystemRandom()

    def take(self) -> int:
        """Returns a port on which nothing listens. Raises SetupError when there is none."""
        highest = _outgoing_from() - 1
        if highest - LOWEST < 1000:
            highest = 65_535
        for _ in range(500):
            port = self._random.randint(LOWEST, highest)
            if self._hold(port):
                return port
        raise SetupError(
            f"No free TCP port was found between {LOWEST} and {highest}.",
            "Look for what holds them: ss -tln",
        )

    def _hold(self, port: int) -> bool:
        if not is_free(port):
            return False
        # A name in the abstract namespace exists as long as this socket, whatever happens to us.
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0hinterland-port-{port}")
        except OSError:
            claim.close()
            return False
        self._held.append(claim)
        return True

    def close(self) -> None:
        """Lets go of every port."""
        for claim in self._held:
            claim.close()
        self._held.clear()


def is_free(port: int) -> bool:
    """Decides whether a server could bind `port` on any address now, connections in TIME_WAIT included."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def listens_for(port: int, pids: Iterable[int], *, view: int | str = "self") -> bool | None:
    """Decides whether one of `pids` listens on `port`. None when that can't be seen.

    `view` is the process whose network is looked at.
    """
    found = listeners(port, view=view)
    return holds_one({f"socket:[{each.inode}]" for each in found}, pids) if found else None


def holds_one(names: set[str], pids: Iterable[int]) -> bool | None:
    """Decides whether one of `pids` has a descriptor of one of `names`. None when not all can be seen."""
    seen_all = True
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            descriptors = os.listdir(folder)
        except FileNotFoundError:
            continue
        except OSError:
            seen_all = False
            continue
        for each in descriptors:
            try:
                target = os.readlink(f"{folder}/{each}")
            except OSError:
                continue
            if target in names:
                return True
    return False if seen_all else None


class ListeningSocket(NamedTuple):
    """A socket that takes what comes to a port; `loopback`: from its own host alone."""

    inode: str
    loopback: bool


def listeners(port: int, *, kind: str = "tcp", view: int | str = "self") -> list[ListeningSocket]:
    """Returns the sockets that listen on `port` (tcp) or are bound to it (udp), IPv4 and IPv6.

    `view` is the process whose network is looked at.
    """
    found = []
    ending = f":{port:04X}"
    state = LISTENING if kind == "tcp" else UNCONNECTED
    for table in (kind, f"{kind}6"):
        try:
            lines = Path(f"/proc/{view}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if parts[3] == state and parts[1].endswith(ending):
                found.append(ListeningSocket(parts[9], is_loopback(parts[1].partition(":")[0])))
    return found


def is_loopback(text: str) -> bool:
    """Decides whether an address as /proc/net/tcp writes it is one of the machine itself.

    It writes each 32 bits as a number in the machine's own byte order.
    """
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    packed = b"".join(words)
    if len(packed) == 16 and packed[:12] == MAPPED:
        packed = packed[12:]
    return packed[0] == 127 if len(packed) == 4 else packed == b"\0" * 15 + b"\1"


def _outgoing_from() -> int:
    """Returns the lowest port that the kernel gives to outgoing connections."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
