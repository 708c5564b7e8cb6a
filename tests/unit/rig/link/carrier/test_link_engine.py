"""The forwarder's loop, over sockets that keep packets apart as devices do."""

from __future__ import annotations

import gc
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from packet_samples import ipv4, ipv6, udp

from hinterland.rig.link.carrier.forwarder import End, Engine
from hinterland.rig.link.carrier.packet_file import read_packets
from hinterland.rig.link.carrier.recorder import Recorder
from hinterland.rig.link.pipe.shape import Shape

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A6, B6 = bytes(15) + b"\1", bytes(15) + b"\2"
ABC = {"a": (A, "::1"), "b": (B, "::2"), "c": (C,)}
AB = {"a": (A,), "b": (B,)}
ETHERNET = bytes(range(12))


def packet(number: int, source: str = A, destination: str = B) -> bytes:
    return ipv4(udp(b"%d" % number), 17, source=source, destination=destination)


class Running:
    """A forwarder in a process of its own, and the hosts' sides of its ends."""

    def __init__(self, hosts: dict[str, socket.socket], control: socket.socket) -> None:
        self.hosts = hosts
        self.control = control

    def ask(self, **message: Any) -> dict[str, Any]:
        self.control.send(json.dumps(message).encode())
        answer: dict[str, Any] = json.loads(self.control.recv(1 << 17))
        return answer


@contextmanager
def running(
    shapes: dict[str, tuple[Shape, Shape]],
    *,
    recorder: Recorder | None = None,
    prefix: bytes = b"",
    addresses: dict[str, tuple[str, ...]] = ABC,
    ends: dict[str, int] | None = None,
) -> Iterator[Running]:
    """Starts a forwarder, with `ends` in place of sockets; it must end when the control socket is closed."""
    pairs = {name: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for name in addresses}
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        try:
            ours.close()
            fds = {name: far.fileno() for name, (_, far) in pairs.items()} | (ends or {})
            made = [End(name, addresses[name], fd, prefix) for name, fd in fds.items()]
            Engine(made, shapes, 1, recorder).run(theirs)
        finally:
            os._exit(0)
    theirs.close()
    hosts = {name: near for name, (near, _) in pairs.items()}
    for near, far in pairs.values():
        far.close()
        near.settimeout(60)
    try:
        ours.settimeout(60)
        yield Running(hosts, ours)
    finally:
        ours.close()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        for near in hosts.values():
            near.close()


@pytest.mark.parametrize("shape", [Shape(), Shape(delay_ms=1), Shape(rate_mbit=100)])
def test_packets_reach_the_host_that_they_are_addressed_to(shape: Shape) -> None:
    with running({"a": (shape, shape), "b": (Shape(), shape)}) as link:
        link.hosts["a"].send(packet(1, A, B))
        link.hosts["a"].send(packet(2, A, C))
        link.hosts["c"].send(packet(3, C, A))
        link.hosts["b"].send(ipv6(udp(b"4"), 17, source=B6, destination=A6))

        assert link.hosts["b"].recv(2000) == packet(1, A, B)
        assert link.hosts["c"].recv(2000) == packet(2, A, C)
        assert {link.hosts["a"].recv(2000) for _ in range(2)} == {
            packet(3, C, A),
            ipv6(udp(b"4"), 17, source=B6, destination=A6),
        }
        assert link.ask(do="audit")["packets"] == 4


def test_what_nobody_is_addressed_by_goes_nowhere_and_is_counted() -> None:
    with running({}) as link:
        link.hosts["a"].send(packet(1, A, "224.0.0.1"))
        link.hosts["a"].send(packet(2, A, A))
        link.hosts["a"].send(b"\x45")
        link.hosts["a"].send(packet(3))

        assert link.hosts["b"].recv(2000) == packet(3)
        found = link.ask(do="audit")
        assert (found["packets"], found["unaddressed"], found["errors"]) == (4, 3, {})


def test_both_links_on_the_way_add_their_delay_and_keep_the_order() -> None:
    with running({"a": (Shape(delay_ms=20), Shape()), "b": (Shape(), Shape(delay_ms=30))}) as link:
        begin_ns = time.monotonic_ns()
        for number in range(50):
            link.hosts["a"].send(packet(number))

        assert [link.hosts["b"].recv(2000) for _ in range(50)] == [packet(number) for number in range(50)]
        assert time.monotonic_ns() - begin_ns >= 50_000_000
        found = link.ask(do="audit")
        assert found["scheduled"] == 50
        assert set(found["directions"]) == {"a.up", "b.down"}


def test_a_shape_changes_while_it_runs() -> None:
    with running({"a": (Shape(loss=1.0), Shape())}) as link:
        link.hosts["a"].send(packet(1))
        before_ns = time.monotonic_ns()
        answer = link.ask(do="shape", host="a", up={"delay_ms": 2})
        assert before_ns <= answer["changed_ns"] <= time.monotonic_ns()
        link.hosts["a"].send(packet(2))
        assert link.hosts["b"].recv(2000) == packet(2)
        link.ask(do="shape", host="a", up={}, down={"cut": True})
        link.hosts["a"].send(packet(3))
        link.hosts["b"].send(packet(4, B, A))
        assert link.hosts["b"].recv(2000) == packet(3)

        found = link.ask(do="audit")["directions"]
        assert found["a.up"]["dropped"][1] == 1
        assert found["a.down"]["dropped"][4] == 1


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"do": "shape", "host": "a", "up": {"loss": 1.2}}, "loss=1.2"),
        ({"do": "shape", "host": "a", "up": {"speed": 1}}, "speed"),
        ({"do": "shape", "host": "nobody", "up": {}}, "nobody"),
        ({"do": "dance"}, "dance"),
        ({"do": "packets", "path": "/nowhere"}, "keeps no packets"),
        ({}, "do"),
    ],
)
def test_a_request_that_makes_no_sense_is_answered_and_harms_nothing(
    message: dict[str, Any], says: str
) -> None:
    with running({}) as link:
        assert says in link.ask(**message)["error"][1]
        link.hosts["a"].send(packet(1))
        assert link.hosts["b"].recv(2000) == packet(1)


def test_it_stops_when_told() -> None:
    with running({}) as link:
        assert link.ask(do="stop") == {"stopped": True}
        assert link.control.recv(10) == b""


def test_a_host_that_takes_no_more_is_counted_as_unintended() -> None:
    with running({}) as link:
        link.hosts["b"].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        link.hosts["a"].settimeout(60)
        for number in range(3000):
            link.hosts["a"].send(packet(number))

        while (found := link.ask(do="audit"))["packets"] < 3000:
            pass
        assert sum(found["errors"].values()) > 0
        assert link.hosts["b"].recv(2000) == packet(0)


def test_a_device_that_is_gone_is_let_go_and_not_asked_again() -> None:
    # A folder is always ready to be read, and reading it fails, as with a device that was deleted.
    folder = os.open("/", os.O_RDONLY)
    with running({}, ends={"b": folder}) as link:
        link.ask(do="audit")
        found = link.ask(do="audit")
        assert found["errors"] == {"IsADirectoryError 21": 1}
        assert found["passes"] < 10
        link.hosts["a"].send(packet(1, A, C))
        assert link.hosts["c"].recv(2000) == packet(1, A, C)
    os.close(folder)


def test_a_hundred_hosts_at_once_lose_nothing() -> None:
    names = [f"h{number}" for number in range(100)]
    shapes = {name: (Shape(delay_ms=1), Shape(delay_ms=1)) for name in names}
    with running(shapes, addresses={name: (f"10.0.1.{n}",) for n, name in enumerate(names)}) as link:
        for number in range(2000):
            source, destination = number % 100, (number * 7 + 1) % 100
            if source != destination:
                link.hosts[names[source]].send(packet(number, f"10.0.1.{source}", f"10.0.1.{destination}"))
        sent = sum(1 for number in range(2000) if number % 100 != (number * 7 + 1) % 100)
        while (found := link.ask(do="audit"))["scheduled"] < sent:
            pass
        assert found["packets"] == found["scheduled"] == sent
        assert len(found["directions"]) == 200


def test_ethernet_headers_are_skipped_and_set(tmp_path: Path) -> None:
    frame = b"\xaa" * 12 + b"\x08\x00"
    with running({"a": (Shape(delay_ms=1), Shape())}, prefix=ETHERNET + b"\x08\x00") as link:
        link.hosts["a"].send(frame + packet(1))
        link.hosts["b"].send(frame + packet(2, B, A))

        assert link.hosts["b"].recv(2000) == ETHERNET + b"\x08\x00" + packet(1)
        assert link.hosts["a"].recv(2000) == ETHERNET + b"\x08\x00" + packet(2, B, A)
        assert link.ask(do="audit")["bytes"] == 2 * len(packet(1))


@pytest.mark.parametrize("prefix", [b"", bytes(14)])
def test_packets_are_recorded_with_their_fates(tmp_path: Path, prefix: bytes) -> None:
    shapes = {"a": (Shape(drop=("any:2",), delay_ms=5), Shape())}
    with running(shapes, recorder=Recorder(("a", "b"), 4), prefix=prefix, addresses=AB) as link:
        for number in range(1, 4):
            link.hosts["a"].send(prefix + packet(number))
        for number in (1, 3):
            assert link.hosts["b"].recv(2000) == prefix + packet(number)
        link.hosts["b"].send(prefix + packet(9, B, A))
        link.hosts["a"].recv(2000)
        link.hosts["b"].send(prefix + packet(10, B, A))
        link.hosts["a"].recv(2000)
        assert link.ask(do="packets", path=str(tmp_path / "log")) == {"packets": 4, "left_out": 1}
        assert link.ask(do="pcap", path=str(tmp_path / "pcap"), host="b") == {"packets": 3}

    log = read_packets(tmp_path / "log")
    assert log.hosts == ("a", "b")
    assert log.fate.tolist() == [0, 3, 0, 0]
    assert log.source.tolist() == [0, 0, 0, 1]
    assert log.destination.tolist() == [1, 1, 1, 0]
    assert log.head[3].tobytes().rstrip(b"\0") == packet(9, B, A)
    crossed_ns = (log.done_ns - log.sent_ns)[[0, 2]]
    assert (crossed_ns >= 5_000_000).all()
    assert log.done_ns[1] == -1


def test_the_forwarder_never_collects_garbage_while_it_runs() -> None:
    # It runs in a child; this process, which shares the code, keeps its own setting.
    with running({}) as link:
        link.hosts["a"].send(packet(1))
        link.hosts["b"].recv(2000)
    assert gc.isenabled()
