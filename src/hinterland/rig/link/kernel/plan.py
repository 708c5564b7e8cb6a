"""What a link is to be, as the trial hands it to the link's own process."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, structs

from hinterland.errors import SetupError, UsageError
from hinterland.rig.link.kernel.netlink import routes_in_use
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.pipe.shape import Shape

Tier = Literal["tun", "packet", "netem", "proxy"]
TIERS: tuple[Tier, ...] = ("tun", "packet", "netem", "proxy")
"""What can carry a link's packets, the best first."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
MOST_HOSTS = 100
SMALLEST_MTU, SMALLEST_MTU_IPV6, LARGEST_MTU = 576, 1280, 65_520
PREFIX, PREFIX6 = 24, 64
RANGES = ("198.18.0.0/15", "10.77.0.0/16", "172.31.0.0/16", "192.168.0.0/16")
"""Where a link's /24 is looked for: first in the range kept for testing networks (RFC 2544), which nobody
else should use, then in the private ones (RFC 1918)."""
RANGE6 = "2001:2::/48"
"""The same for IPv6 (RFC 5180)."""


class HostLink(Struct, frozen=True, forbid_unknown_fields=True):
    """One host of a star: the shapes of its own link, `up` from it and `down` to it, and its settings."""

    up: Shape = Shape()
    down: Shape = Shape()
    settings: HostSettings = HostSettings()


class HostPlan(Struct, frozen=True):
    """A host with its addresses; `address6` is empty without IPv6."""

    name: str
    address: str
    address6: str
    up: Shape
    down: Shape
    settings: HostSettings


class LinkPlan(Struct, frozen=True):
    """All that the link's process needs to know.

    `tiers`: what may carry the packets, the first that this machine allows. `packets_limit`: how many
    packets to record, 0 for none; `keeps_packets`: whether the trial asked for them. `pcap`: the file that
    the record is written to at the end, empty for none.
    """

    name: str
    hosts: tuple[HostPlan, ...]
    network: str
    network6: str
    mtu: int = 1500
    seed: int = 0
    keeps_packets: bool = False
    packets_limit: int = 0
    pcap: str = ""
    tiers: tuple[Tier, ...] = TIERS


class Refusal(Struct, frozen=True):
    """Why a tier can't be had, and what would change that; `unlock` is empty where nothing would."""

    tier: Tier
    why: str
    unlock: str = ""

    def __str__(self) -> str:
        return f"{self.tier}: {self.why}"


def addressed(
    hosts: Mapping[str, HostLink], *, ipv6: bool, network: str, network6: str
) -> tuple[HostPlan, ...]:
    """Gives each host the next address of the networks. Raises UsageError for a bad name or number."""
    if not 2 <= len(hosts) <= MOST_HOSTS:
        raise UsageError(f"a link of {len(hosts)} hosts: it joins 2 to {MOST_HOSTS}.")
    for name in hosts:
        if not NAME.fullmatch(name) or name == "localhost":
            raise UsageError(
                f"host {name!r}: a name is a small letter, then small letters, digits or dashes, 32 at most.",
                "For instance client, server or replica-1.",
            )
    plain = list(ipaddress.ip_network(network).hosts())
    base6 = ipaddress.ip_network(network6).network_address if ipv6 else None
    return tuple(
        HostPlan(
            name,
            str(plain[number]),
            "" if base6 is None else str(base6 + number + 1),
            one.up,
            one.down,
            one.settings,
        )
        for number, (name, one) in enumerate(hosts.items())
    )


def free_network() -> str:
    """Returns a /24 that no route of this machine (or of the link that we are in) leads to.

    Hosts of a link see nothing else, so that a clash would break nothing; but an address in a log should
    mean one thing. Raises SetupError when everything is taken.
    """
    used = [ipaddress.ip_network(f"{where}/{prefix}") for where, prefix in routes_in_use()]
    return str(_first_free(RANGES, PREFIX, used))


def free_network6() -> str:
    """Returns the same for IPv6: a /64."""
    found = routes_in_use(socket.AF_INET6)
    return str(_first_free((RANGE6,), PREFIX6, [ipaddress.ip_network(f"{a}/{p}") for a, p in found]))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _first_free(ranges: tuple[str, ...], prefix: int, used: list[Network]) -> Network:
    for text in ranges:
        whole = ipaddress.ip_network(text)
        near = [each for each in used if each.overlaps(whole)]
        for candidate in whole.subnets(new_prefix=prefix):
            if not any(candidate.overlaps(each) for each in near):
                return candidate
    raise SetupError(
        f"Routes of this machine lead to every network in {', '.join(ranges)}.",
        "A link needs one /24 that is free: look at the routes with ip route.",
    )


def check_mtu(mtu: int, ipv6: bool) -> None:
    """Raises UsageError for an MTU that the kernel would refuse."""
    least = SMALLEST_MTU_IPV6 if ipv6 else SMALLEST_MTU
    if not least <= mtu <= LARGEST_MTU:
        raise UsageError(
            f"mtu {mtu}: it lies between {least} and {LARGEST_MTU:,}.", "1500 is what Ethernet has."
        )


def on_loopback(plan: LinkPlan, number: int) -> LinkPlan:
    """Returns `plan` with addresses of the machine's own loopback network, others for another `number`."""
    start = f"127.{64 + number % 64}.{number // 64 % 256}."
    hosts = tuple(
        structs.replace(each, address=f"{start}{index}") for index, each in enumerate(plan.hosts, 1)
    )
    return structs.replace(plan, hosts=hosts)
