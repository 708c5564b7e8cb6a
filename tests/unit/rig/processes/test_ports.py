from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hinterland.rig.processes import ports
from hinterland.rig.processes.ports import Ports, is_free, listens_for


@pytest.fixture
def free() -> Iterator[Ports]:
    made = Ports()
    yield made
    made.close()


def listener(port: int, family: int = socket.AF_INET) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind(("::" if family == socket.AF_INET6 else "127.0.0.1", port))
    made.listen()
    return made


def test_never_the_same_port_twice(free: Ports) -> None:
    taken = [free.take() for _ in range(200)]
    assert len(set(taken)) == 200


def test_two_runs_never_share_a_port(free: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    first = free.take()
    other = Ports()
    answers = iter([first, first, first + 1, first + 2, first + 3, first + 4])
    monkeypatch.setattr(other._random, "randint", lambda low, high: next(answers))
    assert other.take() != first
    other.close()


def test_below_the_ports_of_outgoing_connections(free: Ports) -> None:
    lowest_outgoing = ports._outgoing_from()
    if lowest_outgoing - ports.LOWEST > 1000:
        assert all(ports.LOWEST <= free.take() < lowest_outgoing for _ in range(20))


def test_a_port_with_a_listener_is_not_free(free: Ports) -> None:
    port = free.take()
    assert is_free(port)
    with listener(port):
        assert not is_free(port)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_who_listens(free: Ports, family: int) -> None:
    port = free.take()
    assert listens_for(port, [os.getpid()]) is None
    try:
        held = listener(port, family)
    except OSError:
        pytest.skip("no IPv6 here")
    with held, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert listens_for(port, [os.getpid()]) is True
        assert listens_for(port, [other.pid]) is False
