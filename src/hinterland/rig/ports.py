"""TCP ports of 127.0.0.1: which are free, and which process listens on one."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from hinterland.errors import SetupError

LOWEST = 10_240
LISTENING = "0A"


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


def listens_for(port: int, pids: Iterable[int]) -> bool | None:
    """Decides whether one of `pids` listens on `port`. None when that can't be seen."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    seen_all = True
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            continue
        except OSError:
            seen_all = False
            continue
        for name in names:
            try:
                target = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            if target in inodes:
                return True
    return False if seen_all else None


def _listening_inodes(port: int) -> set[str]:
    """Returns `socket:[N]` for each socket that listens on `port`, IPv4 or IPv6."""
    found = set()
    ending = f":{port:04X}"
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if parts[3] == LISTENING and parts[1].endswith(ending):
                found.add(f"socket:[{parts[9]}]")
    return found


def _outgoing_from() -> int:
    """Returns the lowest port that the kernel gives to outgoing connections."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
