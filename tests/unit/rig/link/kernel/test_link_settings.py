"""What a host may be told, and how that becomes route metrics and sysctls."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from hinterland.errors import UsageError
from hinterland.rig.link.kernel import netlink, settings
from hinterland.rig.link.kernel.settings import HostSettings, asked_for, changed, described, metrics


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "congestion_controls", lambda: ("reno", "cubic", "bbr"))


def test_what_is_asked_for_is_what_the_route_then_says() -> None:
    wanted = HostSettings(congestion="bbr", initcwnd=3, rto_min_ms=40, quickack=True)
    found = dict(netlink.attributes(metrics(wanted)))
    assert described(found) == {"congestion": "bbr", "initcwnd": 3, "rto_min_ms": 40, "quickack": True}


def test_the_least_timeout_is_locked_for_else_the_kernel_passes_over_it() -> None:
    found = dict(netlink.attributes(metrics(HostSettings())))
    assert struct.unpack("=I", found[netlink.RTAX_LOCK])[0] == 1 << netlink.RTAX_RTO_MIN


def test_a_route_without_metrics_is_described_too() -> None:
    assert described({}) == {"congestion": "", "initcwnd": 0, "rto_min_ms": 0, "quickack": False}


@pytest.mark.parametrize(
    "fields",
    [
        {"congestion": "vegas"},
        {"initcwnd": 0},
        {"rto_min_ms": 0},
        {"somaxconn": 0},
        {"syncookies": 3},
        {"nameserver": "dns.example"},
        {"sysctl": {"kernel.panic": 1}},
        {"sysctl": {"net.ipv4.../../kernel": 1}},
    ],
)
def test_a_setting_that_can_not_be_names_its_value(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as raised:
        HostSettings(**fields)
    assert next(iter(fields)) in raised.value.says


def test_a_change_keeps_the_rest_and_knows_its_names() -> None:
    before = HostSettings(initcwnd=3)
    assert changed(before, quickack=True) == HostSettings(initcwnd=3, quickack=True)
    with pytest.raises(UsageError, match="initial_window"):
        changed(before, initial_window=3)


def test_only_what_somebody_chose_must_be_settable() -> None:
    assert asked_for(HostSettings()) == set()
    chosen = HostSettings(fastopen=3, sysctl={"net.ipv4.tcp_sack": 0})
    assert asked_for(chosen) == {"net.ipv4.tcp_fastopen", "net.ipv4.tcp_sack"}
