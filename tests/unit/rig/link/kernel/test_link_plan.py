"""From what is asked for to the plan of a link: shapes, addresses, names."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.errors import SetupError, UsageError
from hinterland.rig.link.ends import planned, two_ends
from hinterland.rig.link.kernel import plan
from hinterland.rig.link.kernel.plan import (
    RANGES,
    HostLink,
    LinkPlan,
    addressed,
    check_mtu,
    free_network,
    on_loopback,
)
from hinterland.rig.link.kernel.tiers import OVERRIDE, unable, wanted_tiers
from hinterland.rig.link.pipe.shape import Shape


def shapes(**asked: Any) -> tuple[Shape, Shape]:
    client = two_ends(**asked)["client"]
    return client.up, client.down


def test_the_round_trip_is_shared_by_both_directions() -> None:
    assert shapes(rtt_ms=50, loss=0.02) == (Shape(delay_ms=25, loss=0.02), Shape(delay_ms=25, loss=0.02))


def test_one_direction_comes_on_top_of_both() -> None:
    up, down = shapes(rtt_ms=50, rate_mbit=10, up=Shape(rate_mbit=1, drop=("data:3",)))
    assert up == Shape(delay_ms=25, rate_mbit=1, drop=("data:3",))
    assert down == Shape(delay_ms=25, rate_mbit=10)


def test_the_servers_own_link_does_nothing() -> None:
    assert two_ends(rtt_ms=50)["server"] == HostLink()


@pytest.mark.parametrize(
    "asked", [{"rtt_ms": -1}, {"rtt_ms": float("nan")}, {"rtt_ms": 10, "delay_ms": 3}, {"bandwidth": 3}]
)
def test_what_no_link_can_be(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        two_ends(**asked)


def star(*names: str) -> dict[str, HostLink]:
    return dict.fromkeys(names, HostLink())


def test_each_host_has_addresses_of_its_own() -> None:
    hosts = addressed(star("a", "b", "c"), ipv6=True, network="10.77.3.0/24", network6="2001:2::/64")
    assert [each.address for each in hosts] == ["10.77.3.1", "10.77.3.2", "10.77.3.3"]
    assert [each.address6 for each in hosts] == ["2001:2::1", "2001:2::2", "2001:2::3"]


@pytest.mark.parametrize(
    "names", [("a",), ("a", "B"), ("a", "localhost"), ("a", ""), ("a", "b c"), ("a", "-b")]
)
def test_a_star_of_bad_names(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        addressed(star(*names), ipv6=False, network="10.77.3.0/24", network6="")


def test_a_network_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "routes_in_use", list)
    first = free_network()
    monkeypatch.setattr(plan, "routes_in_use", lambda: [(first.partition("/")[0], 32)])
    second = free_network()
    monkeypatch.setattr(plan, "routes_in_use", lambda: [tuple_of(RANGES[0])])
    third = free_network()
    assert len({first, second, third}) == 3
    monkeypatch.setattr(plan, "routes_in_use", lambda: [tuple_of(each) for each in RANGES])
    with pytest.raises(SetupError):
        free_network()


def tuple_of(network: str) -> tuple[str, int]:
    where, _, prefix = network.partition("/")
    return where, int(prefix)


@pytest.mark.parametrize(("mtu", "ipv6"), [(575, False), (1279, True), (70_000, False)])
def test_an_mtu_that_the_kernel_refuses(mtu: int, ipv6: bool) -> None:
    with pytest.raises(UsageError):
        check_mtu(mtu, ipv6)


def two(**asked: Any) -> LinkPlan:
    packets = asked.pop("packets", False)
    return planned("link", two_ends(**asked), seed=1, packets=packets)


@pytest.mark.parametrize(
    ("tier", "asked", "can"),
    [
        ("tun", {"loss": 0.1, "reorder": 0.1, "drop": ("syn:1",)}, True),
        ("packet", {"loss": 0.1, "discipline": "codel", "rate_mbit": 3}, True),
        ("netem", {"rtt_ms": 10, "loss": 0.1, "rate_mbit": 3}, True),
        ("netem", {"rtt_ms": 10, "reorder": 0.1}, False),
        ("netem", {"drop": ("syn:1",)}, False),
        ("netem", {"packets": True}, False),
        ("proxy", {"rtt_ms": 10, "rate_mbit": 3}, True),
        ("proxy", {"loss": 0.1}, False),
        ("proxy", {"rtt_ms": 10, "reorder": 0.1}, False),
        ("proxy", {"rtt_ms": 10, "jitter_ms": 1}, False),
        ("proxy", {"packets": True}, False),
    ],
)
def test_a_tier_refuses_what_it_can_not_do(tier: Any, asked: dict[str, Any], can: bool) -> None:
    assert (unable(tier, two(**asked)) is None) == can


def test_the_tier_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OVERRIDE, raising=False)
    assert wanted_tiers()[0] == "tun"
    monkeypatch.setenv(OVERRIDE, "packet")
    assert wanted_tiers() == ("packet",)
    monkeypatch.setenv(OVERRIDE, "magic")
    with pytest.raises(UsageError, match="magic"):
        wanted_tiers()


def test_a_proxied_link_has_addresses_of_the_machine() -> None:
    found = on_loopback(two(rtt_ms=10), 4711)
    assert len({each.address for each in found.hosts}) == 2
    assert all(each.address.startswith("127.") for each in found.hosts)
