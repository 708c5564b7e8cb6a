"""A TUN device: what the kernel sends to it can be read from a descriptor, and the other way round."""

from __future__ import annotations

import fcntl
import os
import socket
import struct

TUN = "/dev/net/tun"
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def open_tun(name: str) -> int:
    """Makes the device `name` in this process's network namespace and returns its non-blocking descriptor.

    One read gives one IP packet, one write takes one. The device stays in this namespace, whatever its
    holder enters later, and is gone when the descriptor is closed. Without IFF_VNET_HDR the kernel never
    hands over a packet larger than the MTU, nor one whose checksum is left to hardware. Raises OSError.
    """
    descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def index_of(name: str) -> int:
    """Returns the index of the device `name` in this process's network namespace."""
    return socket.if_nametoindex(name)
