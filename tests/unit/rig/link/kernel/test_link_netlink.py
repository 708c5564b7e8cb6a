"""Netlink's attributes, and what the kernel says about this machine's own network."""

from __future__ import annotations

import errno
import socket
import sys

import pytest

from hinterland.rig.link.kernel.netlink import Netlink, NetlinkError, attribute, attributes, routes_in_use
from hinterland.rig.processes.ports import is_loopback


def test_attributes_are_read_as_they_were_written() -> None:
    data = attribute(1, "link0") + attribute(2, 77) + attribute(3, b"abcde") + attribute(4, b"")
    assert list(attributes(data)) == [
        (1, b"link0\0"),
        (2, (77).to_bytes(4, sys.byteorder)),
        (3, b"abcde"),
        (4, b""),
    ]


def test_attributes_cut_short_end_without_a_loop() -> None:
    assert list(attributes(b"\0\0\0\0\0\0\0\0")) == []
    assert list(attributes(b"\x08")) == []


def test_a_refusal_of_the_kernel_says_what_was_asked() -> None:
    with Netlink() as link, pytest.raises(NetlinkError, match="device 999999") as raised:
        link.set_link(999_999, mtu=1500)
    assert raised.value.errno in (errno.ENODEV, errno.EPERM)


def test_the_routes_of_this_machine_are_networks() -> None:
    for where, prefix in routes_in_use():
        socket.inet_pton(socket.AF_INET, where)
        assert 1 <= prefix <= 32


@pytest.mark.parametrize(
    ("address", "itself"),
    [
        ("127.0.0.1", True),
        ("127.5.5.5", True),
        ("0.0.0.0", False),
        ("198.18.0.2", False),
        ("::1", True),
        ("::", False),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("2001:2::1", False),
    ],
)
def test_an_address_that_only_its_own_host_reaches(address: str, itself: bool) -> None:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    # As /proc/net/tcp writes it: words in the machine's own byte order.
    words = [int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4)]
    assert is_loopback("".join(f"{word:08X}" for word in words)) is itself
