"""What the kernel says of connections, compared with what was done to them on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland.rig.probes import sockets

ME = os.getpid()
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as made:
        yield made


@pytest.fixture
def pair(listener: socket.socket) -> Iterator[Pair]:
    with socket.create_connection(listener.getsockname()) as sending:
        receiving, _ = listener.accept()
        with receiving:
            yield sending, receiving


def port_of(one: socket.socket) -> int:
    port: int = one.getsockname()[1]
    return port


def ours(port: int) -> list[sockets.TcpConnection]:
    return [each for each in sockets.connections(ME) if each.port == port]


def test_a_listener_shows_how_many_wait_to_be_accepted(listener: socket.socket) -> None:
    port = port_of(listener)
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    [listening] = [each for each in ours(port) if each.state == "listening"]
    waiting = {each.peer_port for each in ours(port) if each.state == "established"}
    assert listening.unread == 3
    assert waiting == {port_of(each) for each in clients}
    for each in clients:
        each.close()


def test_what_overflows_is_counted(listener: socket.socket) -> None:
    before = sockets.counters(ME)
    clients = [socket.socket() for _ in range(12)]
    for each in clients:
        each.setblocking(False)
        assert each.connect_ex(listener.getsockname()) in (0, 115)
    # Other programs of this machine may add to the counters, so these are lower bounds.
    assert sockets.counters(ME)["ListenOverflows"] >= before["ListenOverflows"] + 3
    assert sum(sockets.tcp_info(each).state == "established" for each in clients) == 9
    assert sum(sockets.tcp_info(each).state == "syn_sent" for each in clients) == 3
    for each in clients:
        each.close()


def test_written_acknowledged_and_unread_are_three_numbers(pair: Pair) -> None:
    sending, receiving = pair
    sending.sendall(b"x" * 5000)
    # On loopback the acknowledgement is there when send() returns, or at the latest with the answer.
    receiving.sendall(b"!")
    assert sending.recv(1) == b"!"
    assert sockets.unacknowledged_bytes(sending) == 0
    info = sockets.tcp_info(sending)
    # The SYN counts as one byte.
    assert info.acknowledged_bytes in (5000, 5001)
    assert info.unsent_bytes == 0
    assert info.rtt_us > 0
    assert info.packet_bytes >= 536
    [there] = [each for each in ours(port_of(receiving)) if each.peer_port == port_of(sending)]
    assert there.unread == 5000
    assert receiving.recv(10_000) == b"x" * 5000


def test_a_reader_who_does_not_read_closes_the_window(pair: Pair) -> None:
    sending, receiving = pair
    sending.setblocking(False)
    before = sockets.tcp_info(sending).send_window_bytes
    if before is None:
        pytest.skip("this kernel does not tell the peer's window")
    written = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            written += sending.send(b"x" * 65536)
    # Here first: what arrives in between counts here and there, and none is missing.
    here = sockets.unacknowledged_bytes(sending)
    [there] = [each for each in ours(port_of(receiving)) if each.peer_port == port_of(sending)]
    assert here < written <= here + there.unread
    info = sockets.tcp_info(sending)
    assert info.unsent_bytes > 0
    assert info.send_window_bytes is not None
    assert info.send_window_bytes < written


def test_both_families_are_listed() -> None:
    if not Path("/proc/net/tcp6").exists():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        # Somebody else's connection may have the same number over IPv4.
        assert [each.state for each in ours(port_of(listening))].count("listening") == 1


def test_counters_have_the_kernels_names() -> None:
    found = sockets.counters(ME)
    assert {"ListenOverflows", "ListenDrops", "SyncookiesSent", "TCPToZeroWindowAdv", "RetransSegs"} <= set(
        found
    )


def test_a_process_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        sockets.counters(0)
    with pytest.raises(FileNotFoundError):
        sockets.connections(0)


def test_every_state_of_the_kernel_has_a_name() -> None:
    # Those of include/net/tcp_states.h, 1 to 12; 12 is a SYN that was received.
    assert len(sockets.STATES) == 13
    assert sockets.STATES[1] == "established"
    assert sockets.STATES[10] == "listening"
    assert sockets.STATES[12] == "syn_received"
