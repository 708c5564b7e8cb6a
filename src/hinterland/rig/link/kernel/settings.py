"""What a host's kernel is told, and what it then says that it does.

Most of TCP's behaviour is a property of the route in Linux, so that a host's programs need no change: the
congestion control, the initial window, the least retransmission timeout and quick acknowledgements are
metrics of the host's only route. The rest are sysctls of the host's network namespace.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

from msgspec import Struct, field, structs

from hinterland.errors import UsageError
from hinterland.rig.link.kernel import netlink

SYSCTL = "/proc/sys/"
SMALLEST_RTO_MS = 1
NAMED = {
    "fastopen": "net.ipv4.tcp_fastopen",
    "somaxconn": "net.core.somaxconn",
    "syncookies": "net.ipv4.tcp_syncookies",
}
PING_GROUPS = "net.ipv4.ping_group_range"
ALWAYS = {
    # Else a connection would learn from the ones before it, and trials would not be independent.
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.ip_unprivileged_port_start": "0",
}
RECORDED = (
    *NAMED.values(),
    *ALWAYS,
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_dsack",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_recovery",
    "net.ipv4.tcp_early_retrans",
    "net.ipv4.tcp_reordering",
    "net.ipv4.tcp_frto",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.ip_local_port_range",
    PING_GROUPS,
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv6.conf.all.disable_ipv6",
)
"""Sysctls whose value in effect stands in the record of every host."""


class HostSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the kernel of one host behaves. Everything not named here is the kernel's default.

    congestion: the congestion control of connections that don't ask for one. initcwnd: segments sent before
    the first acknowledgement. rto_min_ms: the least retransmission timeout. quickack: acknowledge at once,
    always. fastopen: the bits of net.ipv4.tcp_fastopen (1 client, 2 server). somaxconn: the longest listen
    backlog. syncookies: 0 never, 1 under overflow, 2 always. nameserver: an address for resolv.conf, which
    is empty otherwise. sysctl: more of them, by name.
    """

    congestion: str = "cubic"
    initcwnd: int = 10
    rto_min_ms: int = 200
    quickack: bool = False
    fastopen: int = 1
    somaxconn: int = 4096
    syncookies: int = 1
    nameserver: str = ""
    sysctl: dict[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = congestion_controls()
        _rule(
            not known or self.congestion in known,
            f"congestion {self.congestion!r}: this kernel has {', '.join(known)}.",
            f"Load its module first: modprobe tcp_{self.congestion}",
        )
        _rule(1 <= self.initcwnd <= 1000, f"initcwnd {self.initcwnd}: it lies between 1 and 1000 segments.")
        _rule(
            SMALLEST_RTO_MS <= self.rto_min_ms <= 120_000,
            f"rto_min_ms {self.rto_min_ms}: it lies between {SMALLEST_RTO_MS} and 120,000.",
        )
        _rule(1 <= self.somaxconn <= 65_535, f"somaxconn {self.somaxconn}: it lies between 1 and 65,535.")
        _rule(self.syncookies in (0, 1, 2), f"syncookies {self.syncookies}: it is 0, 1 or 2.")
        if self.nameserver:
            _rule(is_address(self.nameserver), f"nameserver {self.nameserver!r}: it is an IP address.")
        for name in self.sysctl:
            _rule(
                name.startswith("net.") and "/" not in name and ".." not in name,
                f"sysctl {name!r}: a host has only those that begin with net.",
            )


def _rule(held: bool, says: str, next_step: str = "") -> None:
    if not held:
        raise UsageError(f"HostSettings: {says}", next_step)


def is_address(text: str) -> bool:
    """Decides whether `text` is an IPv4 or IPv6 address."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False


def congestion_controls() -> tuple[str, ...]:
    """Returns the congestion controls that this kernel has loaded, none where it does not say."""
    return tuple(read_sysctl("net.ipv4.tcp_available_congestion_control").split())


def changed(settings: HostSettings, **fields: Any) -> HostSettings:
    """Returns `settings` with other values. Raises UsageError for a name that it does not have."""
    for name in fields:
        _rule(
            name in settings.__struct_fields__,
            f"{name}: the settings are {', '.join(settings.__struct_fields__)}.",
        )
    return structs.replace(settings, **fields)


def metrics(settings: HostSettings) -> bytes:
    """Returns the route metrics that `settings` ask for.

    The kernel heeds a route's rto_min only where it is locked.
    """
    return netlink.joined(
        [
            (netlink.RTAX_LOCK, 1 << netlink.RTAX_RTO_MIN),
            (netlink.RTAX_RTO_MIN, settings.rto_min_ms),
            (netlink.RTAX_INITCWND, settings.initcwnd),
            (netlink.RTAX_QUICKACK, int(settings.quickack)),
            (netlink.RTAX_CC_ALGO, settings.congestion),
        ]
    )


def described(found: dict[int, bytes]) -> dict[str, Any]:
    """Returns the metrics of a route, as the kernel gave them, by the names of the settings."""

    def number(kind: int) -> int:
        return int(struct.unpack("=I", found[kind])[0]) if kind in found else 0

    return {
        "congestion": found.get(netlink.RTAX_CC_ALGO, b"").rstrip(b"\0").decode(),
        "initcwnd": number(netlink.RTAX_INITCWND),
        "rto_min_ms": number(netlink.RTAX_RTO_MIN),
        "quickack": bool(number(netlink.RTAX_QUICKACK)),
    }


def apply_sysctls(settings: HostSettings) -> dict[str, str]:
    """Sets the sysctls of the network namespace that we are in; returns why, for each that it could not."""
    wanted = dict(ALWAYS)
    wanted.update({NAMED[name]: str(getattr(settings, name)) for name in NAMED})
    wanted.update({name: str(value) for name, value in settings.sysctl.items()})
    wanted.setdefault(PING_GROUPS, ping_groups())
    refused = {}
    for name, value in wanted.items():
        # A group that our user namespace does not know is read as 65534, which may be the one that is wanted.
        if name != PING_GROUPS and read_sysctl(name).split() == value.split():
            continue
        try:
            path_of(name).write_text(value)
        except OSError as error:
            refused[name] = error.strerror or str(error)
    return refused


def asked_for(settings: HostSettings) -> set[str]:
    """Returns the sysctls that somebody chose; the others have a value that is merely better."""
    default = HostSettings()
    named = {NAMED[name] for name in NAMED if getattr(settings, name) != getattr(default, name)}
    return named | set(settings.sysctl)


def ping_groups() -> str:
    """Returns the widest range of groups that this user namespace knows: those that may send a ping."""
    try:
        first, _, count = map(int, Path("/proc/self/gid_map").read_text().split()[:3])
    except (OSError, ValueError):
        return "0 0"
    return f"{first} {min(first + count - 1, 2**31 - 1)}"


def read_sysctls(extra: dict[str, str | int]) -> dict[str, str]:
    """Returns the sysctls in effect in the network namespace that we are in."""
    return {name: value for name in dict.fromkeys((*RECORDED, *extra)) if (value := read_sysctl(name))}


def read_sysctl(name: str) -> str:
    """Returns a sysctl's value, its parts parted by single blanks; empty where there is none."""
    try:
        return " ".join(path_of(name).read_text().split())
    except OSError:
        return ""


def path_of(name: str) -> Path:
    """Returns the file of a sysctl."""
    return Path(SYSCTL + name.replace(".", "/"))
