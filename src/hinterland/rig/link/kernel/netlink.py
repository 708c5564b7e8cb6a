"""rtnetlink by hand: network devices, addresses and routes of the namespace that the calling thread is in.

Written here because importing a library for it would take longer than all the rest of opening a link. The
messages are those of linux/rtnetlink.h, linux/if_link.h and linux/rtnetlink's RTAX_ route metrics.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from types import TracebackType

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_NEWROUTE, RTM_GETROUTE = 20, 24, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400

IFF_UP, IFF_NOARP, IFF_MULTICAST = 0x1, 0x80, 0x1000
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_TXQLEN, IFLA_LINKINFO = 1, 3, 4, 13, 18
IFLA_STATS64, IFLA_NET_NS_FD = 23, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_PREFSRC, RTA_METRICS = 1, 4, 7, 8
RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST = 254, 4, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253

RTAX_LOCK, RTAX_INITCWND, RTAX_RTO_MIN, RTAX_QUICKACK, RTAX_CC_ALGO = 1, 11, 13, 15, 16

STATS64 = struct.Struct("=10Q")
"""The beginning of rtnl_link_stats64: packets, bytes, errors and drops, received and sent by turns."""


class NetlinkError(OSError):
    """The kernel refused a request; `errno` says why."""


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """Returns one attribute, padded: an int as 32 bits, a str with its zero byte."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the kind and the value of each attribute of `data`."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3


class Netlink:
    """A netlink socket of the namespace that the thread is in when this is made. Use it in a `with`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._number = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes, what: str = "") -> list[bytes]:
        """Sends a request and returns the bodies of the answers. Raises NetlinkError with `what` in it."""
        self._number += 1
        head = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, self._number, 0)
        self._socket.send(head + body)
        found: list[bytes] = []
        while True:
            data = self._socket.recv(1 << 17)
            at = 0
            while at + 16 <= len(data):
                length, answer, _, number, _ = struct.unpack_from("=IHHII", data, at)
                content = data[at + 16 : at + length]
                at += (length + 3) & ~3
                if number != self._number:
                    continue
                if answer == NLMSG_ERROR:
                    refused = -struct.unpack_from("=i", content)[0]
                    if refused:
                        raise NetlinkError(refused, f"{what or kind}: {os.strerror(refused)}")
                    return found
                if answer == NLMSG_DONE:
                    return found
                found.append(content)

    def set_link(
        self,
        index: int,
        *,
        flags: int = 0,
        change: int = 0,
        mtu: int | None = None,
        queue_packets: int | None = None,
        address: bytes | None = None,
    ) -> None:
        """Changes a device: the flags in `change` become those of `flags`."""
        body = struct.pack("=BxHiII", 0, 0, index, flags, change)
        if mtu is not None:
            body += attribute(IFLA_MTU, mtu)
        if queue_packets is not None:
            body += attribute(IFLA_TXQLEN, queue_packets)
        if address is not None:
            body += attribute(IFLA_ADDRESS, address)
        self.request(RTM_NEWLINK, NLM_F_ACK, body, f"change device {index}")

    def add_veth(self, name: str, peer: str, peer_namespace: int) -> None:
        """Makes the device `name` here and its other end `peer` in the namespace of that descriptor."""
        other = (
            struct.pack("=BxHiII", 0, 0, 0, 0, 0)
            + attribute(IFLA_IFNAME, peer)
            + attribute(IFLA_NET_NS_FD, peer_namespace)
        )
        information = attribute(IFLA_INFO_KIND, "veth") + attribute(
            IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other)
        )
        body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name)
        body += attribute(IFLA_LINKINFO, information)
        self.request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | 0x200, body, f"make the veth pair {name}")

    def add_address(self, index: int, address: str, prefix: int) -> None:
        """Gives a device an address that may be used at once."""
        family, packed = _packed(address)
        body = struct.pack("=BBBBi", family, prefix, IFA_F_NODAD, RT_SCOPE_UNIVERSE, index)
        body += attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
        self.request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body, f"add address {address}")

    def set_route(self, index: int, network: str, prefix: int, source: str, metrics: bytes) -> None:
        """Makes or replaces the route to `network` through a device; `metrics` are RTAX_ attributes."""
        family, packed = _packed(network)
        scope = RT_SCOPE_LINK if family == socket.AF_INET else RT_SCOPE_UNIVERSE
        head = (family, prefix, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, 0)
        body = struct.pack("=BBBBBBBBI", *head) + attribute(RTA_DST, packed) + attribute(RTA_OIF, index)
        if source:
            body += attribute(RTA_PREFSRC, _packed(source)[1])
        if metrics:
            body += attribute(RTA_METRICS, metrics)
        self.request(
            RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body, f"set the route to {network}"
        )

    def route_metrics(self, index: int, family: int = socket.AF_INET) -> dict[int, bytes]:
        """Returns the metrics of the first route of the main table through a device that has any."""
        body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
        for answer in self.request(RTM_GETROUTE, NLM_F_DUMP, body, "list routes"):
            found = dict(attributes(answer[12:]))
            out = found.get(RTA_OIF)
            if answer[4] == RT_TABLE_MAIN and out == struct.pack("=i", index) and RTA_METRICS in found:
                return dict(attributes(found[RTA_METRICS]))
        return {}

    def drops(self, index: int) -> int:
        """Returns how many packets the kernel dropped at a device, both ways, with errors."""
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
        for answer in self.request(RTM_GETLINK, 0x4, body, f"look at device {index}"):
            found = dict(attributes(answer[16:]))
            if IFLA_STATS64 in found:
                counts = STATS64.unpack_from(found[IFLA_STATS64])
                return int(sum(counts[4:8]))
        return 0


def routes_in_use(family: int = socket.AF_INET) -> list[tuple[str, int]]:
    """Returns the network and the prefix length of every route of this namespace, but the default one."""
    found = []
    with Netlink() as netlink:
        body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
        for answer in netlink.request(RTM_GETROUTE, NLM_F_DUMP, body, "list routes"):
            network = dict(attributes(answer[12:])).get(RTA_DST)
            if network is not None and answer[1]:
                found.append((socket.inet_ntop(family, network), answer[1]))
    return found


def joined(parts: Iterable[tuple[int, bytes | int | str]]) -> bytes:
    """Returns the attributes of `parts`, one after the other."""
    return b"".join(attribute(kind, value) for kind, value in parts)


def _packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)
