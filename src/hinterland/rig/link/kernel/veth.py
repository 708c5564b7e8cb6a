"""A host's device as a veth pair, and a packet socket on its other end, in the hub's network.

For machines whose /dev/net/tun is closed to the user. Both ends of a pair have the same hardware address and
ask for nobody's: without ARP the kernel sends frames to its own device's address, which is then the other
end's too, and every frame is one IP packet behind the same 14 bytes.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

from hinterland.rig.link.kernel.netlink import IFF_MULTICAST, IFF_NOARP, IFF_UP, Netlink
from hinterland.rig.link.kernel.plan import Refusal

ADDRESS = bytes.fromhex("02686c000001")
"""A hardware address that its maker, not a vendor, administers."""
HEADER = ADDRESS + ADDRESS + struct.pack("!H", 0x0800)
SIOCETHTOOL = 0x8946
OFFLOADS_OFF = {"tx checksums": 0x17, "scatter": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""ETHTOOL_S... commands. With these on, a host would hand over packets of 64 KB without checksums."""
SOL_PACKET, PACKET_STATISTICS, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING = 263, 6, 20, 23
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 32 << 20
TRIED = "try0"


def add_pair(name: str, peer: str, peer_network: int) -> None:
    """Makes the device `name` here with its other end `peer` in another network, not up yet."""
    with Netlink() as link:
        link.add_veth(name, peer, peer_network)
        dress(link, name, up=False)


def dress(link: Netlink, name: str, *, up: bool) -> int:
    """Gives a device the common hardware address, without ARP or offloads; returns its index."""
    index = socket.if_nametoindex(name)
    switch_offloads_off(name)
    flags = IFF_NOARP | (IFF_UP if up else 0)
    link.set_link(index, flags=flags, change=flags | IFF_MULTICAST, address=ADDRESS)
    return index


def switch_offloads_off(name: str) -> None:
    """Makes a device send packets of at most its MTU, with checksums."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS_OFF.values():
            value = array.array("B", struct.pack("=II", command, 0))
            where = value.buffer_info()[0]
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), where))


def open_end(peer: str) -> socket.socket:
    """Returns a packet socket on the device `peer` of this network, which it brings up.

    One read gives one frame that the host sent, one write hands it one.
    """
    with Netlink() as link:
        dress(link, peer, up=True)
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        end.setblocking(False)
        end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        end.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        try:
            end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        end.bind((peer, ETH_P_ALL))
    except BaseException:
        end.close()
        raise
    return end


def dropped(end: socket.socket) -> int:
    """Returns how many frames found the socket's buffer full since the last call."""
    return int(struct.unpack("=II", end.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])


def try_out(network: int) -> None:
    """Raises OSError when there is no veth or no packet socket here; `network` is the one we are in."""
    add_pair(TRIED, f"{TRIED}-peer", network)
    open_end(f"{TRIED}-peer").close()


def refused(error: OSError) -> Refusal:
    """Returns what stands between us and this tier, when namespaces can be had."""
    why = f"no veth pair with a packet socket ({error.strerror or error})"
    return Refusal("packet", why, "sudo modprobe -a veth af_packet")
