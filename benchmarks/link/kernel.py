"""The kernel's own rate limit to compare with: two network namespaces, a veth pair, tbf at its one end.

Needs root, iproute2 and the tbf queueing discipline. Everything is gone with the two processes that hold the
namespaces, and those end with this one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.link import bulk
from benchmarks.link.bulk import Transfer
from hinterland.rig.machine.needs import find_program
from hinterland.rig.processes.namespaces import CLONE_NEWNET, setns, unshare
from hinterland.rig.processes.supervision import die_with_parent

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
QUEUE_MS = 100
LEAST_BURST_BYTES, BURST_MS = 16_000, 1
FRAME_BYTES = 1514
"""tbf counts frames: an IP packet of 1,500 bytes and its Ethernet header."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Descriptors of the two network namespaces."""

    client: int
    server: int

    def transfer(self, duration_s: float) -> Transfer:
        """See bulk.transfer."""
        return bulk.transfer(socket_in(self.client), socket_in(self.server), SERVER, duration_s)


def missing() -> str:
    """Returns what this machine or user lacks for it, empty when nothing."""
    if os.geteuid() != 0:
        return "not root"
    lacking = [name for name in ("ip", "tc") if find_program(name) is None]
    return f"no {' and no '.join(lacking)}" if lacking else ""


@contextlib.contextmanager
def limited(rate_mbit: float) -> Iterator[Pair]:
    """Gives a pair whose client sends at most `rate_mbit`, and whose queue holds 100 ms of that."""
    with contextlib.ExitStack() as stack:
        client, _ = _namespace(stack)
        server, server_pid = _namespace(stack)
        _run(
            client, "ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", server_pid
        )
        for descriptor, address in ((client, CLIENT), (server, SERVER)):
            _run(descriptor, "ip", "address", "add", f"{address}/24", "dev", "veth0")
            # Else the kernel sends 64 KiB at once, which no wire would carry.
            _run(descriptor, "ip", "link", "set", "veth0", "gso_max_segs", "1", "up")
        # What a timer that is late by less than a millisecond may make up for.
        burst = max(LEAST_BURST_BYTES, round(rate_mbit * 125 * BURST_MS))
        limit = round(rate_mbit * 125 * QUEUE_MS) + burst
        _run(
            client, "tc", "qdisc", "add", "dev", "veth0", "root", "tbf",
            "rate", f"{rate_mbit}mbit", "burst", str(burst), "limit", str(limit),
        )  # fmt: skip
        yield Pair(client, server)


def _namespace(stack: contextlib.ExitStack) -> tuple[int, str]:
    """Makes a network namespace; returns its descriptor and the process that holds it."""
    parent = os.getpid()

    def alone() -> None:
        die_with_parent(parent)
        unshare(CLONE_NEWNET)

    holder = subprocess.Popen(["sleep", "infinity"], preexec_fn=alone)
    stack.callback(holder.wait)
    stack.callback(holder.kill)
    descriptor = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor, str(holder.pid)


def _run(descriptor: int, program: str, *words: str) -> None:
    """Runs a program in a network namespace. Raises CalledProcessError when it fails."""
    found = find_program(program)
    subprocess.run([str(found), *words], check=True, preexec_fn=lambda: setns(descriptor, CLONE_NEWNET))


def socket_in(descriptor: int) -> socket.socket:
    """Returns a TCP socket that was made in a network namespace."""
    made: list[socket.socket] = []

    def make() -> None:
        # The namespace is this thread's alone, and ends with it.
        setns(descriptor, CLONE_NEWNET)
        made.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        made[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]
