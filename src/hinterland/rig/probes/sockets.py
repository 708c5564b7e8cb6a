"""What the kernel knows of TCP connections: its tables and counters, and its view of one socket.

The tables and counters of a process are those of its network namespace, so a host's are read through any
process that runs on it, a stopped one too. Nothing here changes anything.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal[
    "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2", "time_wait",
    "closed", "close_wait", "last_ack", "listening", "closing", "unknown",
]  # fmt: skip
STATES: tuple[State, ...] = (
    "unknown", "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2", "time_wait",
    "closed", "close_wait", "last_ack", "listening", "closing", "syn_received",
)  # fmt: skip
"""The states of a TCP socket, by the number that the kernel gives them (include/net/tcp_states.h)."""

SIOCOUTQ = 0x5411
INFO_BYTES = 256
# Offsets into struct tcp_info of include/uapi/linux/tcp.h, which only ever grows at its end.
SEND_MSS, RTT_US, BYTES_ACKED, NOT_SENT, SEND_WINDOW = 16, 68, 120, 144, 228


@dataclass(frozen=True, slots=True)
class TcpConnection:
    """One line of the kernel's table of TCP sockets.

    For a listening socket `unread` is how many connections wait to be accepted; for any other one the bytes
    that its program has not read yet. `unacknowledged`: bytes written and not yet acknowledged by the peer.
    """

    state: State
    port: int
    peer_port: int
    unread: int
    unacknowledged: int


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """What the kernel says of one of our sockets.

    packet_bytes: the most payload that it puts into one packet. acknowledged_bytes: payload that the peer's
    kernel has confirmed. unsent_bytes: payload that waits here and was never sent. send_window_bytes: what
    the peer's kernel is ready to take; None before Linux 5.4.
    """

    state: State
    rtt_us: int
    packet_bytes: int
    acknowledged_bytes: int
    unsent_bytes: int
    send_window_bytes: int | None


def connections(pid: int) -> list[TcpConnection]:
    """Returns the TCP sockets of the network namespace of process `pid`, those over IPv6 too.

    Raises OSError when there is no such process.
    """
    found = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        if table == "tcp6" and not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            words = line.split()
            sent, unread = words[4].split(":")
            found.append(
                TcpConnection(
                    state=_state(int(words[3], 16)),
                    port=int(words[1].rpartition(":")[2], 16),
                    peer_port=int(words[2].rpartition(":")[2], 16),
                    unread=int(unread, 16),
                    unacknowledged=int(sent, 16),
                )
            )
    return found


def counters(pid: int) -> dict[str, int]:
    """Returns the TCP counters of the network namespace of process `pid`, by the kernel's names.

    Those are the lines `TcpExt` of /proc/PID/net/netstat (`ListenOverflows`) and `Tcp` of /proc/PID/net/snmp
    (`RetransSegs`). Raises OSError when there is no such process.
    """
    found: dict[str, int] = {}
    for table, group in (("netstat", "TcpExt:"), ("snmp", "Tcp:")):
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()
        names, values = (line.split()[1:] for line in lines if line.startswith(group))
        found.update(zip(names, map(int, values), strict=True))
    return found


def tcp_info(connection: socket.socket) -> TcpInfo:
    """Returns what the kernel says of a TCP socket, connected or not."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
    whole = info.ljust(INFO_BYTES, b"\0")
    window = struct.unpack_from("I", whole, SEND_WINDOW)[0] if len(info) >= SEND_WINDOW + 4 else None
    return TcpInfo(
        state=_state(info[0]),
        rtt_us=struct.unpack_from("I", whole, RTT_US)[0],
        packet_bytes=struct.unpack_from("I", whole, SEND_MSS)[0],
        acknowledged_bytes=struct.unpack_from("Q", whole, BYTES_ACKED)[0],
        unsent_bytes=struct.unpack_from("I", whole, NOT_SENT)[0],
        send_window_bytes=window,
    )


def unacknowledged_bytes(connection: socket.socket) -> int:
    """Returns how many bytes of those written to a TCP socket its peer has not acknowledged (SIOCOUTQ)."""
    answer: int = struct.unpack("i", fcntl.ioctl(connection, SIOCOUTQ, bytes(4)))[0]
    return answer


def _state(number: int) -> State:
    return STATES[number] if number < len(STATES) else "unknown"
