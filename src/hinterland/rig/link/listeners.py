"""Who waits for connections in a host of a link, and waiting until somebody does."""

from __future__ import annotations

import contextlib
import ipaddress
import shlex
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from hinterland.errors import SystemFailure
from hinterland.rig.link.host import Host
from hinterland.rig.link.kernel.inhabitants import inhabitants
from hinterland.rig.processes.process_table import children_of

LISTEN = "0A"
PAUSE_S = 0.005
Transport = Literal["tcp", "udp"]


class Listener(Struct, frozen=True):
    """A socket that waits for others: `address` is empty for every address of the host."""

    transport: Transport
    address: str
    port: int

    @property
    def only_itself(self) -> bool:
        """Whether it hears its own host alone: it is bound to 127.0.0.1 or ::1."""
        return bool(self.address) and ipaddress.ip_address(self.address).is_loopback


def listeners(pid: int) -> list[Listener]:
    """Returns what listens in the network namespace of process `pid`: TCP listeners, bound UDP sockets.

    Raises OSError when there is no such process.
    """
    found = []
    transports: tuple[Transport, ...] = ("tcp", "udp")
    for transport in transports:
        for table in (transport, f"{transport}6"):
            path = Path(f"/proc/{pid}/net/{table}")
            if not path.exists():
                continue
            for line in path.read_text().splitlines()[1:]:
                words = line.split()
                peer_port = words[2].rpartition(":")[2]
                if transport == "tcp" and words[3] != LISTEN:
                    continue
                if transport == "udp" and peer_port != "0000":
                    continue
                address, _, port = words[1].partition(":")
                found.append(Listener(transport, _address(address), int(port, 16)))
    return found


def _address(text: str) -> str:
    """Returns the address that the kernel's hexadecimal words stand for; empty for the wildcard."""
    words = [struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8)]
    found = ipaddress.ip_address(b"".join(words))
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = mapped or found
    return "" if found.is_unspecified else str(found)


def wait_until(
    host: Host, server: subprocess.Popen[Any], heard: Callable[[Listener], bool], patience_s: float
) -> tuple[bool, list[Listener]]:
    """Waits until one of the host's listeners is `heard`; returns whether one is, and all there were.

    `server` is the program that is to listen; it may leave that to a daemon. Raises SystemFailure when
    it ends without.
    """
    end_s = time.monotonic() + patience_s
    found: list[Listener] = []
    while True:
        status = server.poll()
        here = [server.pid] if status is None else daemons(host)
        if status or not here:
            raise SystemFailure(f"The server {ending(status)} before it listened: {said(server)}")
        with contextlib.suppress(OSError):
            found = listeners(here[0])
        if any(map(heard, found)):
            return True, found
        if time.monotonic() > end_s:
            return False, found
        time.sleep(PAUSE_S)


def wait_for_port(host: Host, server: subprocess.Popen[Any], port: int, patience_s: float) -> None:
    """Returns when another host can reach `port`. Raises SystemFailure when that is not so in time."""

    def heard(one: Listener) -> bool:
        return one.port == port and one.address in ("", host.address, host.address6)

    reached, found = wait_until(host, server, heard, patience_s)
    if not reached:
        where = [each for each in found if each.port == port]
        says = f"on {where[0].address} alone" if where else f"not on port {port} after {patience_s:g} s"
        raise SystemFailure(
            f"{host.name}: {said(server)} listens {says}.",
            f"The other end reaches it on 0.0.0.0 or {host.address}, port {port}.",
        )


def daemons(host: Host) -> list[int]:
    """Returns what runs in a host besides the link's own processes; nothing where hosts share the machine."""
    if host.namespaces.network < 0:
        return []
    own = (host.link.child_pid, *children_of(host.link.child_pid))
    return inhabitants([host.namespaces.network], besides=own)


def ending(status: int | None) -> str:
    """Returns how a process ended, in words, from the status that Popen gives it."""
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def said(process: subprocess.Popen[Any]) -> str:
    """Returns the command of a process as one would type it."""
    words = process.args
    return shlex.join(map(str, words)) if isinstance(words, list) else str(words)
