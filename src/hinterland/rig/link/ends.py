"""From what a trial asks for to the plan of a link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from hinterland.errors import UsageError
from hinterland.rig.link.kernel.plan import (
    RANGE6,
    HostLink,
    LinkPlan,
    addressed,
    check_mtu,
    free_network,
    free_network6,
)
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.kernel.tiers import wanted_tiers
from hinterland.rig.link.pipe.rate import located
from hinterland.rig.link.pipe.shape import Shape

PACKETS_LIMIT = 20_000
LONGEST_RTT_MS = 120_000


def two_ends(
    *,
    rtt_ms: float = 0.0,
    up: Shape | None = None,
    down: Shape | None = None,
    client: HostSettings | None = None,
    server: HostSettings | None = None,
    **both: Any,
) -> dict[str, HostLink]:
    """Returns the hosts `client` and `server` with everything on the client's own link.

    `rtt_ms` is shared equally by the directions; `both` are fields of a Shape for each of them, such as
    loss or rate_mbit. The fields of `up` and `down` that are not their defaults come on top.
    """
    _is("rtt_ms", rtt_ms, (int, float), "a number of milliseconds")
    if not 0 <= rtt_ms <= LONGEST_RTT_MS:
        raise UsageError(f"rtt_ms={rtt_ms}: it lies between 0 and {LONGEST_RTT_MS:,}.")
    for way, shape in (("up", up), ("down", down)):
        _is(way, shape, (Shape, type(None)), "a Shape, such as Shape(loss=0.02)")
    for host, settings in (("client", client), ("server", server)):
        _is(host, settings, (HostSettings, type(None)), "HostSettings, such as HostSettings(initcwnd=4)")
    for name in both:
        if name not in Shape.__struct_fields__:
            raise UsageError(
                f"{name}: a link knows rtt_ms and the fields of a shape.",
                f"Those are {', '.join(Shape.__struct_fields__)}.",
            )
    both.setdefault("delay_ms", rtt_ms / 2)
    if rtt_ms and both["delay_ms"] != rtt_ms / 2:
        raise UsageError(f"rtt_ms={rtt_ms:g} and delay_ms={both['delay_ms']:g} can't stand together.")
    return {
        "client": HostLink(_on_top(both, up), _on_top(both, down), client or HostSettings()),
        "server": HostLink(settings=server or HostSettings()),
    }


def _is(name: str, value: object, kinds: tuple[type, ...], wanted: str) -> None:
    """Raises UsageError for a value of another kind; True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise UsageError(f"{name}={value!r} must be {wanted}.")


def _on_top(both: Mapping[str, Any], one: Shape | None) -> Shape:
    """Returns the shape of one direction: those fields of `one` that say something, over those of both."""
    default = Shape()
    if one is None:
        return Shape(**both)
    own = {name: value for name, value in structs.asdict(one).items() if getattr(default, name) != value}
    return Shape(**{**both, **own})


def planned(
    name: str,
    hosts: Mapping[str, HostLink],
    *,
    seed: int,
    mtu: int = 1500,
    ipv6: bool = False,
    packets: bool = False,
    packets_limit: int = PACKETS_LIMIT,
    pcap: Path | None = None,
) -> LinkPlan:
    """Returns the plan of a link with free addresses. Raises UsageError for what can't be."""
    for what, number in (("mtu", mtu), ("seed", seed), ("packets_limit", packets_limit)):
        _is(what, number, (int,), "a whole number")
    if not name or "/" in name or "\0" in name:
        raise UsageError(f"name={name!r}: the name of a link becomes that of a file.", "For instance: wifi")
    for host, one in hosts.items():
        _is(f"host {host}", one, (HostLink,), "a HostLink, such as HostLink(up=Shape(delay_ms=10))")
    hosts = {
        host: structs.replace(one, up=located(one.up), down=located(one.down)) for host, one in hosts.items()
    }
    check_mtu(mtu, ipv6)
    if packets_limit < 1:
        raise UsageError(f"packets_limit={packets_limit}: keep at least 1, or leave packets out.")
    network = free_network()
    network6 = free_network6() if ipv6 else RANGE6
    return LinkPlan(
        name=name,
        hosts=addressed(hosts, ipv6=ipv6, network=network, network6=network6),
        network=network,
        network6=network6 if ipv6 else "",
        mtu=mtu,
        seed=seed,
        keeps_packets=packets,
        packets_limit=packets_limit if packets or pcap is not None else 0,
        pcap="" if pcap is None else str(pcap),
        tiers=wanted_tiers(),
    )
