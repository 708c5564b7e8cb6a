"""The kernel's own emulation (tc-netem) on veth pairs, with a hub that routes between them.

Slower to open and able to do less than the forwarder, but independent of it: a cross-check. What a shape asks
for that netem can't do the same way is refused in tiers.py, not approximated. The messages are those of
linux/pkt_sched.h.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from hinterland.rig.link.kernel.netlink import (
    IFF_UP,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    Netlink,
    attribute,
)
from hinterland.rig.link.kernel.plan import HostPlan, Refusal
from hinterland.rig.link.kernel.veth import dress
from hinterland.rig.link.pipe.shape import FULL_PACKET_BYTES, Shape

RTM_NEWQDISC = 36
TC_H_ROOT = 0xFFFFFFFF
TCA_KIND, TCA_OPTIONS = 1, 2
NETEM_LOSS, NETEM_RATE, NETEM_RATE64, NETEM_LATENCY64 = 5, 6, 8, 10
NETEM_LOSS_GE = 2
ETHERNET_BYTES = 14
WITHOUT_LIMIT = 100_000
ALWAYS = 0xFFFFFFFF


def options(shape: Shape) -> bytes:
    """Returns netem's options for a shape: its fixed part, then attributes."""
    loss = 1.0 if shape.cut else shape.loss
    limit = WITHOUT_LIMIT
    if shape.rate_mbit is not None:
        waiting = shape.queue_limit_bytes(shape.rate_mbit) + shape.delay_ms * shape.rate_mbit * 125
        limit = max(1, round(waiting / FULL_PACKET_BYTES))
    body = struct.pack("=IIIIII", 0, limit, _share(loss), 0, _share(shape.duplicate), 0)
    body += attribute(NETEM_LATENCY64, struct.pack("=q", round(shape.delay_ms * 1e6)))
    if shape.rate_mbit is not None:
        rate = round(shape.rate_mbit * 125_000)
        # A rate counts IP bytes, netem those of the frame.
        body += attribute(NETEM_RATE, struct.pack("=IiIi", min(rate, ALWAYS), -ETHERNET_BYTES, 0, 0))
        if rate > ALWAYS:
            body += attribute(NETEM_RATE64, struct.pack("=Q", rate))
    if shape.burst is not None and not shape.cut:
        burst = shape.burst
        chances = (burst.to_bad, burst.to_good, 1 - burst.loss_bad, burst.loss_good)
        chain = attribute(NETEM_LOSS_GE, struct.pack("=IIII", *map(_share, chances)))
        body += attribute(NETEM_LOSS, chain)
    return body


def _share(share: float) -> int:
    return round(share * ALWAYS)


def set_shape(link: Netlink, index: int, shape: Shape) -> None:
    """Gives a device of this network netem with `shape` for what it sends. Raises OSError without netem."""
    head = struct.pack("=BxxxiIII", 0, index, 0x10000, TC_H_ROOT, 0)
    body = head + attribute(TCA_KIND, "netem") + attribute(TCA_OPTIONS, options(shape))
    link.request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body, "add netem")


def join_hub(peer: str, host: HostPlan) -> None:
    """Makes the hub, whose network we are in, route to a host behind its device `peer`."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    if host.address6:
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    with Netlink() as link:
        index = dress(link, peer, up=True)
        link.set_link(1, flags=IFF_UP, change=IFF_UP)
        link.set_route(index, host.address, 32, "", b"")
        if host.address6:
            link.set_route(index, host.address6, 128, "", b"")
        set_shape(link, index, host.down)


def shape_device(name: str, shape: Shape) -> None:
    """Gives the device `name` of this network another shape for what it sends."""
    with Netlink() as link:
        set_shape(link, socket.if_nametoindex(name), shape)


def try_out() -> None:
    """Raises OSError where the kernel has no netem; we are in a network of our own."""
    shape_device("lo", Shape(delay_ms=1))


def refused(error: OSError) -> Refusal:
    """Returns what stands between us and this tier."""
    return Refusal(
        "netem", f"this kernel has no netem ({error.strerror or error})", "sudo modprobe sch_netem"
    )
