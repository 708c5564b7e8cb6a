"""A link: hosts that are real kernels' ends, and a process that carries their packets with delay and loss."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from hinterland.errors import InternalError, UsageError
from hinterland.rig.link.carrier.launch import ANSWER_S, Channel, LinkChild, wait_readable
from hinterland.rig.link.host import Host, ProxiedSocket
from hinterland.rig.link.kernel.inhabitants import end_inhabitants
from hinterland.rig.link.kernel.plan import HostPlan, LinkPlan, Tier, on_loopback
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.kernel.tiers import unable
from hinterland.rig.link.pipe.rate import located
from hinterland.rig.link.pipe.shape import Shape
from hinterland.rig.processes.namespaces import Namespaces
from hinterland.rig.processes.supervision import end_descendants

if TYPE_CHECKING:
    from hinterland.model.packets import PacketLog
    from hinterland.rig.link.audit import LinkAudit

NOTHING_MEASURED: dict[str, Any] = {
    "packets": 0, "bytes": 0, "scheduled": 0, "errors": {}, "directions": {}, "open_us": 0.0, "cpu_us": 0.0,
    "lateness_p50_us": None, "lateness_p99_us": None, "lateness_max_us": None, "since": "opening",
    "behind_us": 0.0, "busiest": 0.0, "run_delay_us": 0.0,
}  # fmt: skip
"""What the kernel's own emulation says of itself."""

COLLECT_S = 1.0
WAYS = {"both": ("up", "down"), "up": ("up",), "down": ("down",)}


class Link:
    """An emulated network between hosts, open from `Link(plan)` and `open()` until `close()`.

    Each host hangs on a hub by a link of its own, with a shape for each direction: `up`, from the host, and
    `down`, to it. Use it in a `with`, in the thread that made it. `tier` says what carries the packets.
    """

    def __init__(self, plan: LinkPlan) -> None:
        self.plan = plan
        self.name = plan.name
        self.tier: Tier = plan.tiers[0]
        self.scheduling = ""
        self.hosts: dict[str, Host] = {}
        self.shapes: dict[str, tuple[Shape, Shape]] = {each.name: (each.up, each.down) for each in plan.hosts}
        self.on_settled: Callable[[Host], None] | None = None
        self._reached: dict[tuple[str, str, int, str], tuple[str, int]] = {}
        self._child: LinkChild | None = None
        self._engine: Channel | None = None
        self._user = -1
        self.programs: list[subprocess.Popen[Any]] = []

    # -- its life

    def begin(self) -> int:
        """Starts the process; `finish` may be called when the returned descriptor can be read."""
        self._child = LinkChild(self.name)
        self._child.channel.send(self.plan)
        return self._child.channel.fileno()

    def finish(self) -> None:
        """Takes over what the process made. Raises SetupError with what this machine lacks."""
        try:
            answer, passed = self._running().channel.receive()
        except BaseException:
            self.close()
            raise
        self.tier = answer["tier"]
        self.scheduling = answer["scheduling"]
        if self.tier == "proxy":
            self.plan = on_loopback(self.plan, self._running().pid)
        if answer["own_user"]:
            self._user = passed.pop(0)
        for each in self.plan.hosts:
            inside = self.tier != "proxy"
            namespaces = Namespaces(passed.pop(0), passed.pop(0), self._user) if inside else Namespaces(-1)
            self.hosts[each.name] = Host(self, each, namespaces, answer["hosts"].get(each.name, {}))
        if passed:
            self._engine = Channel(socket.socket(fileno=passed.pop(0)), f"the forwarder of link {self.name}")

    def open(self) -> Link:
        """Builds it and returns itself, when packets flow."""
        try:
            wait_readable(self.begin(), ANSWER_S)
        except BaseException:
            self.close()
            raise
        self.finish()
        return self

    def close(self) -> None:
        """Ends its processes and lets go of its namespaces. A second call does nothing."""
        ours = self._child is not None and self._child.ours
        if ours and self.tier == "proxy":
            self._end_on_machine()
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        if self._child is not None:
            if self._child.close():
                # It was killed, and did not end what is in the hosts: we still hold their networks.
                networks = [each.namespaces.network for each in self.hosts.values()]
                end_inhabitants([each for each in networks if each >= 0])
            self._child = None
        if ours:
            collect(self.programs)
        self.programs.clear()
        for host in self.hosts.values():
            host.namespaces.close()
        if self._user >= 0:
            os.close(self._user)
            self._user = -1

    def __enter__(self) -> Link:
        return self if self._child is not None else self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int:
        """The process that made its hosts, 0 when it is not open."""
        return 0 if self._child is None else self._child.pid

    # -- its hosts

    @property
    def client(self) -> Host:
        return self["client"]

    @property
    def server(self) -> Host:
        return self["server"]

    def __getitem__(self, name: str) -> Host:
        """Returns the host `name`. Raises UsageError when there is none."""
        if name not in self.hosts:
            if not self.hosts:
                self.check_open()
            raise UsageError(f"link {self.name} has no host {name!r}: it has {', '.join(self.hosts)}.")
        return self.hosts[name]

    def socket_of(self, host: Host, family: int, kind: int, protocol: int) -> socket.socket:
        """Returns a socket in `host`; see Host.socket."""
        if self.tier == "proxy":
            made = ProxiedSocket(family, kind, protocol)
            made.through = lambda address, type_of: self._through(host, address, type_of)
            return made
        request = {"do": "socket", "host": host.name, "family": family, "type": kind, "protocol": protocol}
        return socket.socket(fileno=self._running().channel.ask_for_descriptor(request))

    def reach(self, source: Host, host: str, port: int, kind: str = "tcp") -> tuple[str, int]:
        """Returns where `source` reaches a port of another host; see Host.reach."""
        if self.tier != "proxy":
            return self[host].address, port
        key = (source.name, self[host].name, port, kind)
        if key not in self._reached:
            request = dict(zip(("source", "host", "port", "kind"), key, strict=True))
            address, made = self._forwarder().ask({"do": "reach", **request})["address"]
            self._reached[key] = (str(address), int(made))
        return self._reached[key]

    def _through(self, host: Host, address: tuple[Any, ...], kind: int) -> tuple[Any, ...]:
        for each in self.hosts.values():
            if each is not host and address[0] in (each.address, each.name):
                return self.reach(host, each.name, address[1], "udp" if kind == socket.SOCK_DGRAM else "tcp")
        return address

    def settle(self, host: Host, settings: HostSettings) -> None:
        """Gives `host` other settings and notes what is in effect then; see Host.set."""
        request = {"do": "settings", "host": host.name, "settings": msgspec.to_builtins(settings)}
        host.in_effect = self._running().channel.ask(request)["in_effect"]
        host.settings = settings
        if self.on_settled is not None:
            self.on_settled(host)

    # -- what it does to packets

    def change(
        self, host: str | None = None, *, up: Shape | None = None, down: Shape | None = None, **fields: Any
    ) -> None:
        """Gives a direction of a host's own link another shape at once; `host` is the first by default.

        `up` and `down` replace a shape whole; `fields` (loss=0.1) change that of both as they then are.
        What waits in a queue is queued again under the new shape; what has left it arrives when it would
        have, but no later than a packet that leaves now.
        """
        name = self.host_name(host)
        before = self.shapes[name]
        shapes = (up or before[0], down or before[1])
        if fields:
            shapes = (altered(shapes[0], fields), altered(shapes[1], fields))
        self._shape(name, shapes)

    def partition(self, host: str | None = None, *, way: str = "both") -> None:
        """Drops every packet from (`up`), to (`down`) or both from and to a host until `heal`."""
        ways = ways_of(way)
        name = self.host_name(host)
        up, down = self.shapes[name]
        self._shape(
            name,
            (
                structs.replace(up, cut=up.cut or "up" in ways),
                structs.replace(down, cut=down.cut or "down" in ways),
            ),
        )

    def heal(self, host: str | None = None) -> None:
        """Ends the partition of a host."""
        name = self.host_name(host)
        up, down = self.shapes[name]
        self._shape(name, (structs.replace(up, cut=False), structs.replace(down, cut=False)))

    def _shape(self, name: str, shapes: tuple[Shape, Shape]) -> None:
        up, down = shapes = located(shapes[0]), located(shapes[1])
        refused = unable(self.tier, structs.replace(self.plan, hosts=self._hosts_with(name, shapes)))
        if refused is not None:
            raise UsageError(
                f"link {self.name}: {refused}.", "hinterland doctor says what would unlock more."
            )
        request = {"do": "shape", "host": name, "up": _fields(up), "down": _fields(down)}
        # The kernel's own emulation has no forwarder: its hosts are told.
        asked = self._running().channel if self.tier == "netem" else self._forwarder()
        asked.ask(request)
        self.shapes[name] = shapes

    def _hosts_with(self, name: str, shapes: tuple[Shape, Shape]) -> tuple[HostPlan, ...]:
        up, down = shapes
        return tuple(
            structs.replace(each, up=up, down=down) if each.name == name else each for each in self.plan.hosts
        )

    def host_name(self, host: str | None) -> str:
        """Returns the name of a host, of the first for None."""
        self.check_open()
        return next(iter(self.hosts)) if host is None else self[host].name

    def clear(self) -> int:
        """Ends every program that runs in its hosts, daemons included, and returns how many there were."""
        if self.tier == "proxy":
            return self._end_on_machine()
        return int(self._running().channel.ask({"do": "clear"})["ended"])

    def _end_on_machine(self) -> int:
        """Ends what was started on the proxy tier, which has no host that would tell who belongs to it."""
        running = [each for each in self.programs if each.poll() is None]
        for each in running:
            end_descendants(each.pid)
            each.kill()
        return len(running)

    # -- what it tells

    def count_lateness_anew(self) -> None:
        """Forgets how late it has been; all else that it counts it goes on counting from its opening."""
        if self.tier != "netem":
            self._forwarder().ask({"do": "measure"})

    def audit(self) -> LinkAudit:
        """Returns what the link measured of itself since it opened."""
        from hinterland.rig.link.audit import audit_of

        answer = NOTHING_MEASURED if self.tier == "netem" else self._forwarder().ask({"do": "audit"})
        lost = self._running().channel.ask({"do": "drops"})["drops"]
        return audit_of(answer, lost)

    def packets(self) -> PacketLog:
        """Returns what passed until now. Raises UsageError when the link was opened without packets=True."""
        if not self.plan.keeps_packets:
            raise UsageError(f"link {self.name} keeps no packets.", "Open it with packets=True.")
        # Needs numpy, which opening a link does not.
        from hinterland.rig.link.carrier.packet_file import read_packets

        # A file without a name: whenever we are killed, nothing of it is left.
        with open(os.memfd_create("packets", os.MFD_CLOEXEC), "rb") as file:
            self._forwarder().ask({"do": "packets"}, [file.fileno()])
            return read_packets(Path(f"/proc/self/fd/{file.fileno()}"))

    def write_pcap(self, path: Path, host: str | None = None) -> int:
        """Writes a capture as the first host, or `host`, would have made it; returns its packets."""
        request = {"do": "pcap", "path": str(path.absolute()), "host": self.host_name(host)}
        return int(self._forwarder().ask(request)["packets"])

    def describe(self) -> dict[str, Any]:
        """Returns what stands in a record: tier, addresses, shapes, and each host's settings in effect."""
        return {
            "tier": self.tier,
            "scheduling": self.scheduling,
            "mtu": self.plan.mtu,
            "seed": self.plan.seed,
            "hosts": {
                name: {
                    "address": host.address,
                    "address6": host.address6,
                    "up": _fields(self.shapes[name][0]),
                    "down": _fields(self.shapes[name][1]),
                    "settings": host.in_effect,
                }
                for name, host in self.hosts.items()
            },
        }

    def check_open(self) -> None:
        """Raises UsageError when it is not open: a program would then be put into no host, but beside it."""
        if self._child is None:
            raise UsageError(f"link {self.name} is not open.", "Use it inside its `with`.")

    def _running(self) -> LinkChild:
        self.check_open()
        assert self._child is not None
        return self._child

    def _forwarder(self) -> Channel:
        self.check_open()
        if self._engine is None:
            raise InternalError(f"link {self.name} has no forwarder on the tier {self.tier}.")
        return self._engine


def collect(programs: list[subprocess.Popen[Any]]) -> None:
    """Takes the status of programs that have been ended, so that none is left as a zombie."""
    for each in programs:
        # One that has left its host by itself is not ended with it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            each.wait(COLLECT_S)


def ways_of(way: str) -> tuple[str, ...]:
    """Returns the directions that `way` (both, up or down) means. Raises UsageError for another word."""
    if way not in WAYS:
        raise UsageError(f"way {way!r}: it is one of {', '.join(WAYS)}.")
    return WAYS[way]


def altered(shape: Shape, fields: Mapping[str, Any]) -> Shape:
    """Returns `shape` with other values. Raises UsageError for a name that a shape does not have."""
    for name in fields:
        if name not in Shape.__struct_fields__:
            raise UsageError(f"{name}: the fields of a shape are {', '.join(Shape.__struct_fields__)}.")
    return structs.replace(shape, **fields)


def seed_of(seed: int, name: str) -> int:
    """Returns a seed for the link `name` of a trial."""
    return zlib.crc32(f"{seed}/{name}".encode())


def _fields(shape: Shape) -> dict[str, Any]:
    """Returns those fields of a shape that do something, as JSON values."""
    default = Shape()
    found = msgspec.to_builtins(shape)
    return {name: found[name] for name in found if getattr(shape, name) != getattr(default, name)}
