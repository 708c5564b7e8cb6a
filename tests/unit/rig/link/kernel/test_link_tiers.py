"""Why a tier is refused, and what would unlock it; netem's options, which no kernel here may ever see."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from hinterland.rig.link.kernel import netem, netlink, tiers
from hinterland.rig.link.kernel.plan import Refusal
from hinterland.rig.link.pipe.shape import Burst, Shape


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "_number", lambda path: None)
    monkeypatch.setattr(tiers, "_in_container", lambda: False)
    monkeypatch.setattr(tiers, "_seccomp_filters", lambda: False)


@pytest.mark.parametrize(
    ("path", "value", "unlock"),
    [
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            1,
            "apparmor_restrict_unprivileged_userns=0",
        ),
        ("/proc/sys/kernel/unprivileged_userns_clone", 0, "unprivileged_userns_clone=1"),
        ("/proc/sys/user/max_user_namespaces", 0, "max_user_namespaces"),
    ],
)
def test_a_sysctl_that_forbids_namespaces_is_named(
    monkeypatch: pytest.MonkeyPatch, path: str, value: int, unlock: str
) -> None:
    monkeypatch.setattr(tiers, "_number", lambda asked: value if asked == path else None)
    assert unlock in tiers.namespaces_refused(refused(errno.EPERM)).unlock


def test_a_container_is_told_how_to_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "_in_container", lambda: True)
    assert "seccomp=unconfined" in tiers.namespaces_refused(refused(errno.EPERM)).unlock
    assert "--device /dev/net/tun" in tiers.tun_refused(refused(errno.ENOENT)).unlock


def test_a_full_table_of_namespaces_is_not_a_lack_of_rights() -> None:
    assert "max_net_namespaces" in tiers.namespaces_refused(refused(errno.ENOSPC)).unlock


def test_a_closed_or_missing_tun_device_is_told_apart() -> None:
    assert "chmod" in tiers.tun_refused(refused(errno.EACCES)).unlock
    assert "modprobe tun" in tiers.tun_refused(refused(errno.ENOENT)).unlock


def test_the_error_names_every_tier_and_one_next_step() -> None:
    error = tiers.nothing_fits(
        [Refusal("tun", "no device", "modprobe tun"), Refusal("proxy", "it can't do loss")]
    )
    assert "tun: no device" in error.says
    assert "proxy: it can't do loss" in error.says
    assert error.next_step == "modprobe tun"


def test_a_reason_that_tiers_share_is_given_once() -> None:
    error = tiers.nothing_fits([Refusal("tun", "no rights"), Refusal("packet", "no rights")])
    assert "tun, packet: no rights." in error.says


def fixed(shape: Shape) -> tuple[int, ...]:
    return struct.unpack_from("=IIIIII", netem.options(shape))


def more(shape: Shape) -> dict[int, bytes]:
    return dict(netlink.attributes(netem.options(shape)[24:]))


def test_netem_is_asked_for_the_delay_in_nanoseconds() -> None:
    found = more(Shape(delay_ms=12.5))
    assert struct.unpack("=q", found[netem.NETEM_LATENCY64])[0] == 12_500_000


def test_netem_is_asked_for_shares_of_all_chances() -> None:
    _, _, loss, _, duplicate, _ = fixed(Shape(loss=0.25, duplicate=0.5))
    assert loss / 2**32 == pytest.approx(0.25)
    assert duplicate / 2**32 == pytest.approx(0.5)
    assert fixed(Shape(delay_ms=1, cut=True))[2] == 2**32 - 1


def test_netem_holds_what_is_under_way_and_what_waits() -> None:
    shape = Shape(delay_ms=10, rate_mbit=12, queue_bytes=30_000)
    # 12 Mbit/s are one full packet each ms: 10 of them on the way, 20 waiting.
    assert fixed(shape)[1] == 30
    rate, overhead, *_ = struct.unpack("=IiIi", more(shape)[netem.NETEM_RATE])
    assert (rate, overhead) == (1_500_000, -14)


def test_netem_is_given_the_chain_of_bursts() -> None:
    shape = Shape(burst=Burst(to_bad=0.25, to_good=0.5, loss_bad=1.0, loss_good=0.0))
    chain = dict(netlink.attributes(more(shape)[netem.NETEM_LOSS]))[netem.NETEM_LOSS_GE]
    to_bad, to_good, spared_bad, loss_good = (each / 2**32 for each in struct.unpack("=IIII", chain))
    assert (to_bad, to_good) == (pytest.approx(0.25), pytest.approx(0.5))
    assert (spared_bad, loss_good) == (0, 0)
