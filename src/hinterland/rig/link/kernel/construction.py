"""Builds the hosts of a link: a network namespace each, with one device, its addresses and its only route."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from msgspec import Struct

from hinterland.errors import SetupError
from hinterland.rig.link.kernel import netem, settings, veth
from hinterland.rig.link.kernel.netlink import IFF_MULTICAST, IFF_UP, Netlink
from hinterland.rig.link.kernel.plan import PREFIX, PREFIX6, HostPlan, LinkPlan, Tier
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.kernel.tiers import Refused, namespaces_refused, tun_refused
from hinterland.rig.link.kernel.tun import index_of, open_tun
from hinterland.rig.link.pipe.shape import Shape
from hinterland.rig.processes.namespaces import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    Namespaces,
    cover_files,
    own,
    setns,
    unshare_mounts,
    unshare_network,
)

DEVICE = "link0"
QUEUE_PACKETS = 20_000
"""How many packets a device holds until the link takes them: more than a window, so that it drops none."""
IPV6_QUIET = {"accept_ra": 0, "router_solicitations": 0, "addr_gen_mode": 1, "accept_dad": 0}


class BuiltHost(Struct):
    """A host that exists: its namespaces, the descriptor of its end and what its kernel says of itself.

    `end` is -1 and `prefix` empty where the tier has none; `capture` is the packet socket behind `end`.
    """

    plan: HostPlan
    namespaces: Namespaces
    end: int = -1
    prefix: bytes = b""
    in_effect: dict[str, Any] = {}
    capture: socket.socket | None = None
    dropped: int = 0


class Ground(Struct):
    """What the hosts of a link stand on: the mounts they start from, and the hub's network, -1 for none."""

    plan: LinkPlan
    mounts: int
    hub: int = -1


def lay_ground(tier: Tier, plan: LinkPlan) -> Ground:
    """Returns the ground for a tier; this process has its rights and mounts already."""
    ground = Ground(plan, own("mnt"))
    if tier != "tun":
        ground.hub = new_network()
        quiet_ipv6(tier == "netem" and bool(plan.network6))
    return ground


def peer_of(ground: Ground, host: HostPlan) -> str:
    """Returns the name of the device at the hub's end of a host's pair."""
    return f"hub{ground.plan.hosts.index(host)}"


def new_network() -> int:
    """Moves this process into a new network and returns its descriptor. Raises Refused."""
    try:
        return unshare_network()
    except OSError as error:
        raise Refused(namespaces_refused(error)) from error


def build(tier: Tier, ground: Ground, host: HostPlan) -> BuiltHost:
    """Builds one host. Raises Refused when the machine does not let us have its device."""
    network = new_network()
    built = BuiltHost(host, Namespaces(network))
    quiet_ipv6(bool(host.address6))
    peer = peer_of(ground, host)
    try:
        if tier == "tun":
            built.end = open_tun(DEVICE)
        else:
            veth.add_pair(DEVICE, peer, ground.hub)
            setns(ground.hub, CLONE_NEWNET)
            if tier == "packet":
                built.capture = veth.open_end(peer)
                built.end, built.prefix = built.capture.fileno(), veth.HEADER
            else:
                netem.join_hub(peer, host)
            setns(network, CLONE_NEWNET)
            if tier == "netem":
                netem.shape_device(DEVICE, host.up)
    except OSError as error:
        built.namespaces.close()
        refused = {"tun": tun_refused, "packet": veth.refused, "netem": netem.refused}[tier]
        raise Refused(refused(error)) from error
    return furnish(ground, built)


def furnish(ground: Ground, built: BuiltHost) -> BuiltHost:
    """Gives a host whose device exists addresses, a route, settings and files; we are in its network."""
    plan, host = ground.plan, built.plan
    with Netlink() as link:
        link.set_link(1, flags=IFF_UP, change=IFF_UP)
        index = index_of(DEVICE)
        link.set_link(
            index,
            flags=IFF_UP,
            change=IFF_UP | IFF_MULTICAST,
            mtu=plan.mtu,
            queue_packets=QUEUE_PACKETS,
        )
        # The route is ours to make, with its metrics: the address alone must not bring one.
        link.add_address(index, host.address, 32)
        if host.address6:
            link.add_address(index, host.address6, 128)
        _set_routes(link, index, plan, host, host.settings)
    built.in_effect = _settle(host, host.settings)
    built.namespaces.mounts = unshare_mounts()
    uncovered = cover_files(files_of(plan, host))
    setns(ground.mounts, CLONE_NEWNS)
    if uncovered:
        built.in_effect["files_not_covered"] = uncovered
    return built


def apply(plan: LinkPlan, built: BuiltHost, wanted: HostSettings) -> dict[str, Any]:
    """Gives a running host other settings; returns those in effect. They count for new connections."""
    setns(built.namespaces.network, CLONE_NEWNET)
    with Netlink() as link:
        _set_routes(link, index_of(DEVICE), plan, built.plan, wanted)
    built.in_effect = _settle(built.plan, wanted)
    return built.in_effect


def drops(ground: Ground, built: BuiltHost) -> int:
    """Returns how many packets were lost between the host's device and the link's process until now."""
    setns(built.namespaces.network, CLONE_NEWNET)
    with Netlink() as link:
        count = link.drops(index_of(DEVICE))
    if built.capture is not None:
        built.dropped += veth.dropped(built.capture)
        setns(ground.hub, CLONE_NEWNET)
        with Netlink() as link:
            count += link.drops(index_of(peer_of(ground, built.plan)))
    return count + built.dropped


def reshape(ground: Ground, built: BuiltHost, up: Shape, down: Shape) -> None:
    """Gives a host of the netem tier other shapes."""
    setns(built.namespaces.network, CLONE_NEWNET)
    netem.shape_device(DEVICE, up)
    setns(ground.hub, CLONE_NEWNET)
    netem.shape_device(peer_of(ground, built.plan), down)


def _set_routes(link: Netlink, index: int, plan: LinkPlan, host: HostPlan, wanted: HostSettings) -> None:
    metrics = settings.metrics(wanted)
    link.set_route(index, plan.network.partition("/")[0], PREFIX, host.address, metrics)
    if host.address6:
        link.set_route(index, plan.network6.partition("/")[0], PREFIX6, "", metrics)


def _settle(host: HostPlan, wanted: HostSettings) -> dict[str, Any]:
    """Sets the sysctls, and returns all that is in effect as the kernel tells it."""
    refused = settings.apply_sysctls(wanted)
    asked = settings.asked_for(wanted) & refused.keys()
    if asked:
        name = min(asked)
        raise SetupError(
            f"host {host.name}: {name} can't be set as asked ({refused[name]}).",
            "Leave it out, or run where /proc/sys may be written (a container mounts it read-only).",
        )
    with Netlink() as link:
        route = settings.described(link.route_metrics(index_of(DEVICE)))
    found: dict[str, Any] = {**route, "sysctl": settings.read_sysctls(wanted.sysctl)}
    if refused:
        found["refused"] = refused
    return found


def quiet_ipv6(wanted: bool) -> None:
    """Switches IPv6 off in this network namespace, or on without the packets that it sends unasked."""
    folder = Path("/proc/sys/net/ipv6/conf")
    if not folder.is_dir():
        return
    values = {"disable_ipv6": 0, **IPV6_QUIET} if wanted else {"disable_ipv6": 1}
    for where in ("all", "default"):
        for name, value in values.items():
            path = folder / where / name
            if path.exists():
                path.write_text(str(value))


def files_of(plan: LinkPlan, host: HostPlan) -> dict[str, str]:
    """Returns what a host finds in place of the machine's files, by path."""
    hosts = ["127.0.0.1 localhost"]
    if host.address6:
        hosts.append("::1 localhost")
    for each in plan.hosts:
        hosts.append(f"{each.address} {each.name}")
        if host.address6:
            hosts.append(f"{each.address6} {each.name}")
    nameserver = host.settings.nameserver
    found = {
        "/etc/hosts": "\n".join(hosts) + "\n",
        "/etc/resolv.conf": f"nameserver {nameserver}\n" if nameserver else "# this host has none\n",
    }
    switch = Path("/etc/nsswitch.conf")
    if switch.exists():
        # A resolver of the machine would answer over a Unix socket, past the link.
        lines = [line for line in switch.read_text().splitlines() if not line.startswith("hosts:")]
        found[str(switch)] = "\n".join([*lines, "hosts: files dns"]) + "\n"
    return found


def make_socket(built: BuiltHost, family: int, kind: int, protocol: int) -> socket.socket:
    """Returns a socket that was made in the host's network, where it stays."""
    setns(built.namespaces.network, CLONE_NEWNET)
    return socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)


def let_go(built: BuiltHost) -> None:
    """Closes our descriptor of a host's end: now the forwarder alone holds it, and it ends with that.

    A packet socket stays open, to be asked what it dropped.
    """
    if built.end >= 0 and built.capture is None:
        os.close(built.end)
        built.end = -1
