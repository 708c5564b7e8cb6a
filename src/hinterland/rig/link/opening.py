"""Links for people's own programs and tests: `with hinterland.link(rtt_ms=50, loss=0.02) as link`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hinterland.rig.link.ends import PACKETS_LIMIT, planned, two_ends
from hinterland.rig.link.kernel.plan import HostLink
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.link import Link
from hinterland.rig.link.pipe.shape import Shape


def link(
    *,
    rtt_ms: float = 0.0,
    up: Shape | None = None,
    down: Shape | None = None,
    client: HostSettings | None = None,
    server: HostSettings | None = None,
    name: str = "link",
    mtu: int = 1500,
    ipv6: bool = False,
    packets: bool = False,
    packets_limit: int = PACKETS_LIMIT,
    seed: int | None = None,
    pcap: Path | None = None,
    **both: Any,
) -> Link:
    """Returns a link between the hosts `client` and `server`, to be used in a `with`.

    Half of `rtt_ms` is the delay of each direction; `both` are further fields of a Shape for each of them
    (loss=0.02, rate_mbit=10, queue_ms=100); `up`, from the client, and `down` come on top of those. `seed`
    makes its losses repeatable. With `packets` it remembers the first `packets_limit` of them, and
    `link.packets()` returns them. With `pcap` they may be written to that file: `link.write_pcap(pcap)`.

    `link.server.start([...])` and `link.client.run([...])` put programs into the hosts, and
    `link.client.socket()` makes a socket there for this process. Leaving the `with` ends all of them.

    Raises UsageError for a link that can't be, SetupError when this machine allows none.
    """
    hosts = two_ends(rtt_ms=rtt_ms, up=up, down=down, client=client, server=server, **both)
    return star(
        hosts,
        name=name,
        mtu=mtu,
        ipv6=ipv6,
        packets=packets,
        packets_limit=packets_limit,
        seed=seed,
        pcap=pcap,
    )


def star(
    hosts: Mapping[str, HostLink],
    *,
    name: str = "star",
    mtu: int = 1500,
    ipv6: bool = False,
    packets: bool = False,
    packets_limit: int = PACKETS_LIMIT,
    seed: int | None = None,
    pcap: Path | None = None,
) -> Link:
    """Returns a link of 2 to 100 hosts, each with shapes to and from the hub in the middle; see `link`."""
    plan = planned(
        name,
        hosts,
        seed=secrets.randbits(31) if seed is None else seed,
        mtu=mtu,
        ipv6=ipv6,
        packets=packets,
        packets_limit=packets_limit,
        pcap=pcap,
    )
    return Link(plan)
