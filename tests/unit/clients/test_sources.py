"""Source addresses: as many as the ports need, and sockets that come from them."""

from __future__ import annotations

import socket

import pytest

from hinterland.clients import sources
from hinterland.errors import SetupError, UsageError


def test_one_address_is_enough_for_a_few() -> None:
    assert sources.addresses("127.0.0.1", 1000) == ()
    assert sources.addresses("192.0.2.1", 1000) == ()


def test_more_connections_than_ports_need_more_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "local_ports", lambda: 1000)
    assert len(sources.addresses("127.0.0.1", 2000)) == 5
    assert len(sources.addresses("localhost", 10, asked=600)) == 600
    with pytest.raises(SetupError, match="2000 connections need more local ports than the 1000"):
        sources.addresses("192.0.2.1", 2000)


def test_addresses_are_of_loopback_and_differ() -> None:
    made = sources.addresses("127.0.0.1", 1, asked=1000)
    assert len(set(made)) == 1000
    assert all(address.startswith("127.0.") and not address.endswith((".0", ".255")) for address in made)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "::1"])
def test_only_a_loopback_host_is_reached_from_many(host: str) -> None:
    with pytest.raises(UsageError, match="source addresses"):
        sources.addresses(host, 1, asked=2)


def test_sockets_are_bound_in_turn() -> None:
    assert sources.socket_maker(()) is None
    make = sources.socket_maker(("127.0.1.1", "127.0.1.2"))
    assert make is not None
    made = [make() for _ in range(3)]
    try:
        assert [each.getsockname()[0] for each in made] == ["127.0.1.1", "127.0.1.2", "127.0.1.1"]
        # The port is chosen only at the connect, so that the same one serves towards many servers.
        assert {each.getsockname()[1] for each in made} == {0}
    finally:
        for each in made:
            each.close()


def test_a_bound_socket_connects_from_its_address() -> None:
    make = sources.socket_maker(("127.0.1.7",))
    assert make is not None
    with socket.create_server(("127.0.0.1", 0)) as listener, make() as client:
        client.connect(listener.getsockname())
        served, peer = listener.accept()
        served.close()
        assert peer[0] == "127.0.1.7"


def test_this_machine_has_a_range_of_ports() -> None:
    assert 1000 < sources.local_ports() < 65536
