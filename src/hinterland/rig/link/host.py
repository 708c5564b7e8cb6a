"""A host of a link, as the trial sees it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hinterland.rig.link.kernel.plan import HostPlan
from hinterland.rig.link.kernel.settings import HostSettings, changed
from hinterland.rig.processes.namespaces import Namespaces

if TYPE_CHECKING:
    from hinterland.rig.link.link import Link


class ProxiedSocket(socket.socket):
    """A socket of a host on the proxy tier: connecting to another host leads through the link's proxy."""

    through: Callable[[tuple[Any, ...], int], tuple[Any, ...]]

    def connect(self, address: Any) -> None:
        super().connect(self.through(address, self.type))

    def connect_ex(self, address: Any) -> int:
        return super().connect_ex(self.through(address, self.type))

    def sendto(self, data: Any, *rest: Any) -> int:
        where = self.through(rest[-1], self.type)
        return super().sendto(data, rest[0], where) if len(rest) > 1 else super().sendto(data, where)


class Host:
    """One end of a link: a network of its own, in which programs and sockets can be put.

    `address` is what the other hosts reach it by, `address6` the same for IPv6, empty without; its name works
    too, for programs in any host of the link. `in_effect` is what its kernel says about itself.
    """

    def __init__(self, link: Link, plan: HostPlan, namespaces: Namespaces, in_effect: dict[str, Any]) -> None:
        self.link = link
        self.name = plan.name
        self.address = plan.address
        self.address6 = plan.address6
        self.settings = plan.settings
        self.in_effect = in_effect
        self.namespaces = namespaces

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address} of {self.link.name}>"

    def socket(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 -- as in socket.socket
        proto: int = 0,
    ) -> socket.socket:
        """Returns a socket that was made in this host and stays there, though this process uses it.

        It takes some 100 us: make those that a measurement needs before it begins.
        """
        return self.link.socket_of(self, family, type, proto)

    def reach(self, host: str, port: int, kind: str = "tcp") -> tuple[str, int]:
        """Returns the address and port at which this host reaches `port` of another, named one.

        That is the other's own address, but on the proxy tier. `kind` is tcp or udp.
        """
        return self.link.reach(self, host, port, kind)

    def set(self, **fields: Any) -> HostSettings:
        """Changes settings by name; new connections heed them. Returns all settings.

        Raises UsageError for a setting that does not exist.
        """
        self.link.settle(self, changed(self.settings, **fields))
        return self.settings

    def start(
        self, command: Sequence[str | Path], *, port: int | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Starts a program in this host; `options` are those of subprocess.Popen.

        With `port`, it returns when the program listens there. The link ends it, with all that it started,
        when it closes. Its environment names the address of each host: HINTERLAND_SERVER. Raises UsageError
        when there is no such program, SystemFailure when it does not listen within 10 s (`patience_s`).
        """
        from hinterland.rig.link import programs

        return programs.start(self, command, port=port, **options)

    def run(
        self, command: Sequence[str | Path], *, timeout_s: float | None = 60.0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program in this host to its end and returns its status and what it printed.

        `options` are those of subprocess.run. Raises subprocess.TimeoutExpired after `timeout_s`, with the
        program killed.
        """
        from hinterland.rig.link import programs

        return programs.run(self, command, timeout_s=timeout_s, **options)
