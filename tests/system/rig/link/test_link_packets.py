"""What a link does to real packets of real kernels, beside what was asked of it."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hinterland
from hinterland import Burst, Link, Shape
from hinterland.model.packets import FATES

pytestmark = pytest.mark.system
PORT = 7


@pytest.fixture(autouse=True)
def _needs_a_link(require: Callable[[str], None]) -> None:
    require("capability:link")


def datagrams(
    link: Link, family: socket.AddressFamily = socket.AF_INET
) -> tuple[socket.socket, socket.socket]:
    """Returns a connected client's socket and a server's, with buffers that hold what the tests send."""
    address = link.server.address6 if family == socket.AF_INET6 else link.server.address
    server = link.server.socket(family, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    server.bind((address, PORT))
    server.settimeout(60)
    client = link.client.socket(family, socket.SOCK_DGRAM)
    client.settimeout(60)
    client.connect((address, PORT))
    return client, server


def streams(link: Link) -> tuple[socket.socket, socket.socket]:
    """Returns the two ends of a TCP connection."""
    with link.server.socket() as listener:
        listener.bind((link.server.address, PORT))
        listener.listen()
        listener.settimeout(60)
        client = link.client.socket()
        client.settimeout(60)
        client.connect((link.server.address, PORT))
        server, _ = listener.accept()
    server.settimeout(60)
    return client, server


def transfer(link: Link, size_bytes: int) -> float:
    """Sends that much from the client and returns how long its arrival took, in seconds."""
    client, server = streams(link)
    with client, server:
        sender = threading.Thread(target=client.sendall, args=(bytes(size_bytes),))
        begin_s = time.monotonic()
        sender.start()
        left = size_bytes
        while left:
            left -= len(server.recv(1 << 20))
        took_s = time.monotonic() - begin_s
        sender.join()
    return took_s


def settled(link: Link, packets: int) -> Any:
    """Returns the audit once the link has seen that many packets."""
    while (found := link.audit()).packets < packets:
        pass
    return found


def test_a_round_trip_takes_what_was_asked_and_never_less() -> None:
    with hinterland.link(rtt_ms=20) as link:
        client, server = datagrams(link)
        with client, server:
            took_ms = []
            for _ in range(30):
                begin_ns = time.monotonic_ns()
                client.send(b"ping")
                data, sender = server.recvfrom(100)
                server.sendto(data, sender)
                client.recv(100)
                took_ms.append((time.monotonic_ns() - begin_ns) / 1e6)
        audit = link.audit()

    # A busy machine adds to most of them, and to none takes away.
    assert 20 <= min(took_ms) < 30
    assert (audit.packets, audit.scheduled) == (60, 60)
    assert audit.unintended == {}


@pytest.mark.parametrize("how", [{"loss": 0.1}, {"burst": Burst(0.05, 0.3)}])
def test_losses_are_as_many_as_asked_and_as_the_audit_says(how: dict[str, Any]) -> None:
    sent = 4000
    with hinterland.link(up=Shape(**how), seed=7) as link:
        client, server = datagrams(link)
        with client, server:
            for _ in range(sent):
                client.send(b"x")
            audit = settled(link, sent)
            up = audit.directions["client.up"]
            for _ in range(sent - up.lost):
                server.recv(10)
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.recv(10)

    assert up.possible
    assert up.lost_range[0] <= up.lost <= up.lost_range[1]
    assert up.dropped == {"lost": up.lost}
    assert audit.unintended == {}


def test_the_same_seed_loses_the_same_packets() -> None:
    def received() -> list[bytes]:
        with hinterland.link(up=Shape(loss=0.5), seed=3) as link:
            client, server = datagrams(link)
            with client, server:
                for number in range(200):
                    client.send(b"%d" % number)
                up = settled(link, 200).directions["client.up"]
                return [server.recv(10) for _ in range(200 - up.lost)]

    assert received() == received()


def test_a_rate_is_kept() -> None:
    with hinterland.link(up=Shape(rate_mbit=40)) as link:
        took_s = transfer(link, 3_000_000)

    # 1448 of 1500 bytes are payload: 24 Mbit of it are 24.9 Mbit on the link, and so 0.62 s.
    assert 0.59 < took_s < 1.2


def test_a_queue_takes_its_limit_and_drops_the_rest() -> None:
    with hinterland.link(up=Shape(rate_mbit=0.5, queue_bytes=20_000), packets=True) as link:
        client, server = datagrams(link)
        with client, server:
            for _ in range(100):
                client.send(bytes(972))
            dropped = settled(link, 100).directions["client.up"].dropped["queue"]
            for _ in range(100 - dropped):
                server.recv(2000)
            log = link.packets()

    # Twenty packets of 1000 bytes, and one more for each 16 ms that sending them took.
    assert 20 <= 100 - dropped <= 40
    waits_ms = (log.done_ns - log.sent_ns)[log.fate == 0] / 1e6
    assert waits_ms.min() >= 16
    assert 300 <= waits_ms.max() < 600
    gaps_ms = np.diff(np.sort(log.done_ns[log.fate == 0])) / 1e6
    assert statistics.median(gaps_ms.tolist()) == pytest.approx(16, abs=2)


def test_codel_keeps_the_queue_short_where_droptail_lets_it_fill() -> None:
    waits_ms = {}
    for discipline in ("droptail", "codel"):
        shape = Shape(rate_mbit=10, queue_ms=300, discipline=discipline)  # type: ignore[arg-type]
        with hinterland.link(rtt_ms=20, up=shape, packets=True) as link:
            transfer(link, 2_000_000)
            log = link.packets()
        arrived = (log.done_ns >= 0) & (log.source == 0)
        waits_ms[discipline] = float(np.median((log.done_ns - log.sent_ns)[arrived])) / 1e6

    assert waits_ms["codel"] < waits_ms["droptail"] / 2


def test_a_trace_is_followed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    # Nothing for 100 ms, then ten packets at once, for ever.
    trace.write_text("100\n" * 10)
    with hinterland.link(up=Shape(trace=str(trace), queue_bytes=50_000), packets=True) as link:
        client, server = datagrams(link)
        with client, server:
            for _ in range(25):
                client.send(bytes(1472))
            for _ in range(25):
                server.recv(2000)
            log = link.packets()

    steps = np.diff(np.sort(log.done_ns)) > 50_000_000
    assert steps.sum() == 2
    assert (np.flatnonzero(steps) + 1).tolist() == [10, 20]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_third_packet_with_payload_is_dropped_and_tcp_sends_it_again(
    family: socket.AddressFamily,
) -> None:
    with hinterland.link(rtt_ms=10, up=Shape(drop=("udp:3", "data:5")), packets=True, ipv6=True) as link:
        client, server = datagrams(link, family)
        with client, server:
            for number in range(1, 6):
                client.send(b"%d" % number)
            assert [server.recv(10) for _ in range(3)] == [b"1", b"2", b"4"]
        log = link.packets()
        protocols = log.head[:, 9] if family == socket.AF_INET else log.head[:, 6]
        fates = [FATES[fate] for fate in log.fate[protocols == 17]]

    assert fates == ["delivered", "delivered", "scripted", "delivered", "scripted"]


def test_tcp_mends_a_scripted_drop() -> None:
    with hinterland.link(rtt_ms=10, up=Shape(drop=("data:3",)), packets=True) as link:
        transfer(link, 20_000)
        log = link.packets()

    assert (log.fate == FATES.index("scripted")).sum() == 1
    (dropped,) = np.flatnonzero(log.fate == FATES.index("scripted"))
    # The same sequence number crosses once more, later.
    numbers = log.head[:, 24:28]
    again = np.flatnonzero(
        (numbers == numbers[dropped]).all(axis=1) & (log.size_bytes > 60) & (log.source == 0)
    )
    assert again.tolist()[0] == dropped
    assert len(again) >= 2


@pytest.mark.parametrize(("reorder", "turned"), [(0.0, False), (0.2, True)])
def test_jitter_alone_keeps_the_order_and_reordering_does_not(reorder: float, turned: bool) -> None:
    shape = Shape(delay_ms=10, jitter_ms=8, reorder=reorder)
    with hinterland.link(up=shape) as link:
        client, server = datagrams(link)
        with client, server:
            for number in range(300):
                client.send(b"%d" % number)
            numbers = [int(server.recv(10)) for _ in range(300)]

    assert sorted(numbers) == list(range(300))
    assert (numbers != sorted(numbers)) == turned


def test_duplicates_arrive_and_are_marked() -> None:
    with hinterland.link(up=Shape(duplicate=1.0), packets=True) as link:
        client, server = datagrams(link)
        with client, server:
            client.send(b"once")
            assert [server.recv(10), server.recv(10)] == [b"once", b"once"]
            assert link.packets().duplicate.tolist() == [False, True]


def test_a_packet_larger_than_the_shapes_mtu_vanishes() -> None:
    with hinterland.link(up=Shape(mtu=1000), packets=True) as link:
        client, server = datagrams(link)
        with client, server:
            client.send(bytes(1200))
            client.send(b"small")
            assert server.recv(2000) == b"small"
            assert [FATES[fate] for fate in link.packets().fate] == ["too_big", "delivered"]


def test_an_idle_link_burns_no_core() -> None:
    with hinterland.link(rtt_ms=2) as link:
        client, server = datagrams(link)
        with client, server:
            client.send(b"x")
            server.recv(10)
            before = link.audit().cpu_us_per_packet
            server.settimeout(0.5)
            with pytest.raises(TimeoutError):
                server.recv(10)
            after = link.audit().cpu_us_per_packet

    assert before is not None
    assert after is not None
    assert after - before < 50_000
