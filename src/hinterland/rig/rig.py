"""The rig of one trial: starts processes and services, breaks them, watches them, and ends them all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from hinterland.errors import SetupError
from hinterland.model.packets import PacketLog
from hinterland.rig.certificate import Certificate, certificate
from hinterland.rig.faults import Faults
from hinterland.rig.link.ends import PACKETS_LIMIT, planned, two_ends
from hinterland.rig.link.host import Host
from hinterland.rig.link.kernel.plan import HostLink
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.link import seed_of
from hinterland.rig.link.pipe.shape import Shape
from hinterland.rig.link.recorded import RecordedLink
from hinterland.rig.probes.device import DeviceBytes
from hinterland.rig.probes.memory import MemoryLimit
from hinterland.rig.probes.pressure import MachineProbe
from hinterland.rig.probes.process_tree import Probe, Usage, usage
from hinterland.rig.probes.standstills import Standstills
from hinterland.rig.process import Launch, Process, Record
from hinterland.rig.processes.accounts import can_reach, unprivileged
from hinterland.rig.processes.command import Argument, words_of
from hinterland.rig.processes.limits import open_files
from hinterland.rig.processes.ports import Ports
from hinterland.rig.processes.process_table import children_of, entry
from hinterland.rig.processes.scratch import OPEN_PLACES, Scratch
from hinterland.rig.processes.shared_memory import release
from hinterland.rig.processes.spawn import Place
from hinterland.rig.processes.supervision import become_subreaper, end_descendants
from hinterland.rig.readiness import LogReady, Ready, TcpReady
from hinterland.rig.service import Service
from hinterland.rig.steps import StepPoints

T = TypeVar("T")


class Rig(Faults):
    """Owns every process, port and folder of a trial, until `close`.

    `scratch` is the trial's private folder; `cache` is shared by the trials of a run, for what is made once.
    `record` receives the events, `packets` the packet log of each link that kept one, by its name;
    `pcap_folder` is where each link writes its packets as NAME.pcap; `seed` makes its losses repeatable.
    `search_path` are the folders in which services are looked for before the Python packages that bring them,
    None for those of the system. Use it as an async context manager, in the thread that runs the loop.
    """

    def __init__(
        self,
        scratch: Path,
        cache: Path,
        record: Record,
        *,
        search_path: Sequence[Path] | None = None,
        wheels: bool = True,
        packets: Callable[[str, PacketLog], None] | None = None,
        pcap_folder: Path | None = None,
        seed: int = 0,
    ) -> None:
        self.scratch = scratch.resolve()
        self.cache = cache.resolve()
        self.record = record
        self.search_path = search_path
        self.wheels = wheels
        self.packets = packets
        self.pcap_folder = pcap_folder
        self.seed = seed
        self.processes: list[Process] = []
        cores = sorted(os.sched_getaffinity(0))
        self.generator_core: frozenset[int] = frozenset(cores[-1:])
        self.server_cores: frozenset[int] = frozenset(cores[:-1] or cores)
        # Names of processes: False while only claimed, True once started.
        self._names: dict[str, bool] = {}
        self._ports = Ports()
        self._points: list[StepPoints] = []
        self.at_end: list[Callable[[], None]] = []
        self._links: list[RecordedLink] = []
        self._open: Scratch | None = None
        self._children_before: list[int] = []

    async def __aenter__(self) -> Rig:
        become_subreaper()
        self._children_before = children_of(os.getpid())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything it started and gives back every port and folder."""
        with contextlib.ExitStack() as stack:
            # Run in reverse order, each even if another raises.
            stack.callback(self._remove_open)
            stack.callback(release, self.scratch)
            stack.callback(self._ports.close)
            for give_back in self.at_end:  # Once nothing runs any more.
                stack.callback(give_back)
            stack.callback(end_descendants, os.getpid(), keep=self._children_before)
            for points in self._points:
                stack.callback(points.close)
            for link in self._links:
                stack.callback(link.close)
            for process in self.processes:
                stack.callback(process.end)
            # First of all: the end of the processes is no part of what the links carried.
            for link in self._links:
                stack.callback(link.hand_over, self.packets)

    def _remove_open(self) -> None:
        if self._open is not None:
            self._open.remove()
            self._open = None

    @overload
    async def start(self, command: Service[T]) -> T: ...

    @overload
    async def start(self, command: Sequence[Argument], *, name: str, **options: Any) -> Process: ...

    async def start(self, command: Service[Any] | Sequence[Argument], **options: Any) -> Any:
        """Starts a service (`rig.services`), or a program as `start_program` does; returns when ready."""
        if isinstance(command, Service):
            return await command.started_by(self)
        return await self.start_program(command, **options)

    async def start_program(
        self,
        command: Sequence[Argument],
        *,
        name: str,
        port: int | None = None,
        ready: Ready | None = None,
        env: Mapping[str, str] | None = None,
        user: bool | str = False,
        cores: Collection[int] | None = None,
        cwd: Path | None = None,
        stdin: int = subprocess.DEVNULL,
        waits: bool = False,
        limit: MemoryLimit | None = None,
        stop_number: int = signal.SIGTERM,
        host: Host | None = None,
    ) -> Process:
        """Starts a program and returns when it is ready.

        A first item that ends in `.py` runs with this Python, `.js` with Node. With `port` and no `ready`
        it is ready when it accepts a connection there. `user`: as root, run it as an unprivileged user (or
        the one named, if it exists). `cwd` is by default a folder of its own in the scratch. `waits`: it
        prints `ready`, and begins when `Process.tell` sends the line for which it then waits; so its start is
        no part of what is measured. `host`: the end of a link that it runs in, where every port is free and
        it must not listen on 127.0.0.1 alone. Raises SystemFailure with its last log lines when it ends
        before or is not ready in time.
        """
        if self._names.get(name, True):
            name = self.claim_name(name)
        self._names[name] = True
        folder = self.folder(name) if cwd is None else cwd
        preferred = (user,) if isinstance(user, str) else ()
        place = Place(
            str(folder),
            namespaces=None if host is None else host.namespaces,
            groups=() if limit is None else limit.entrances,
            cores=None if cores is None else frozenset(cores),
            open_files=open_files(),
            account=unprivileged(*preferred) if user else None,
        )
        launch = Launch(
            argv=words_of(command),
            env={**self._environment(), **(env or {})},
            place=place,
            log_path=self.scratch / f"{name}.log",
            stdin=subprocess.PIPE if waits else stdin,
            stop_number=stop_number,
        )
        if ready is None and (waits or port is not None):
            ready = LogReady("ready") if waits else TcpReady()
        process = Process(name, launch, port, ready, self.record, host)
        self.processes.append(process)
        await process.start()
        return process

    def free_port(self) -> int:
        """Returns a port on which nothing listens, never the same twice."""
        return self._ports.take()

    def folder(self, name: str) -> Path:
        """Makes and returns the folder `name` of the scratch, which any user may pass through."""
        self.scratch.chmod(0o711)
        made = self.scratch / name
        made.mkdir(mode=0o755, exist_ok=True)
        return made

    def open_folder(self, name: str, account: str) -> Path:
        """Returns the folder `name` where the unprivileged user can reach it.

        That is the scratch, or where its parents keep that user out, a further scratch in /tmp or
        /var/tmp.
        """
        made = self.folder(name)
        who = unprivileged(account)
        if can_reach(made, who):
            return made
        for place in OPEN_PLACES:
            if self._open is None and can_reach(place, who):
                self._open = Scratch(place)
        if self._open is None:
            raise SetupError(
                f"{made}: the user {who.name if who else ''} can't reach it.",
                "Set TMPDIR to a folder that every user may enter, such as /tmp.",
            )
        made = self._open.path / name
        made.mkdir(mode=0o755, exist_ok=True)
        return made

    def claim_name(self, name: str) -> str:
        """Returns `name`, or `name-2` and so on where it was claimed before.

        A service claims its name before it makes its folder; `start` takes a claimed name as it is.
        """
        candidates = (name if n == 1 else f"{name}-{n}" for n in range(1, len(self._names) + 2))
        unused = next(each for each in candidates if each not in self._names)
        self._names[unused] = False
        return unused

    def _environment(self) -> dict[str, str]:
        """Returns our environment, with temporary files led into the scratch and Python not buffering."""
        temporary = self.scratch / "tmp"
        if not temporary.exists():
            self.folder("tmp").chmod(0o1777)
        return {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}

    def certificate(self, *names: str) -> Certificate:
        """Returns a certificate for host names or addresses, which the trials of a run share."""
        return certificate(self.cache, names)

    async def link(
        self,
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
        **both: Any,
    ) -> RecordedLink:
        """Opens a link between the hosts `client` and `server`.

        Half of `rtt_ms` is the delay of each direction; `both` are further fields of a Shape for each of them
        (loss=0.02, rate_mbit=10, queue_ms=100); `up`, from the client, and `down` come on top of those.
        """
        hosts = two_ends(rtt_ms=rtt_ms, up=up, down=down, client=client, server=server, **both)
        return await self.star(
            hosts, name=name, mtu=mtu, ipv6=ipv6, packets=packets, packets_limit=packets_limit
        )

    async def star(
        self,
        hosts: Mapping[str, HostLink],
        *,
        name: str = "star",
        mtu: int = 1500,
        ipv6: bool = False,
        packets: bool = False,
        packets_limit: int = PACKETS_LIMIT,
    ) -> RecordedLink:
        """Opens a link of any hosts, each with its own shapes to and from the hub in the middle.

        With `packets` the first `packets_limit` of them become part of the history.
        """
        name = self.claim_name(name)
        pcap = None if self.pcap_folder is None else self.pcap_folder / f"{name}.pcap"
        how: dict[str, Any] = {"mtu": mtu, "ipv6": ipv6, "packets": packets, "packets_limit": packets_limit}
        plan = planned(name, hosts, seed=seed_of(self.seed, name), pcap=pcap, **how)
        link = RecordedLink(plan, self.record)
        self._links.append(link)
        return await link.open()

    def measuring(self) -> None:
        """Says that what counts begins now: the links judge their punctuality from here on."""
        for link in self._links:
            link.measuring()

    def step_points(self) -> StepPoints:
        """Returns step points that listen; pass their `environment` to `start(env=...)`."""
        points = StepPoints(self.scratch / f"steps{len(self._points)}", self.record, self._name_of)
        points.open()
        self._points.append(points)
        return points

    def _name_of(self, pid: int) -> str:
        """Returns the name of the process whose tree `pid` is in, empty when it is in none."""
        names = {process.pid: process.name for process in self.processes}
        while pid > 1:
            if pid in names:
                return names[pid]
            found = entry(pid)
            if found is None:
                break
            if found.session in names:
                return names[found.session]
            pid = found.parent
        return ""

    def probe(self, process: Process, interval_s: float = 0.05) -> Probe:
        """Returns what measures the tree of `process`: `async with rig.probe(process) as probe`."""
        return Probe(process, interval_s)

    def usage(self, process: Process) -> Usage:
        """Returns what the tree of `process` uses at this moment."""
        return usage(process.members())

    def machine_probe(self) -> MachineProbe:
        """Returns what watches the machine while it is entered: `with rig.machine_probe() as machine`."""
        return MachineProbe()

    def device_bytes(self, path: Path | None = None) -> DeviceBytes:
        """Returns what counts the bytes written on the block device under `path` while it is entered."""
        return DeviceBytes(self.scratch if path is None else path)

    def standstills(self) -> Standstills:
        """Returns what tells when the cores of servers and generator stood still while it is entered."""
        return Standstills(self.server_cores | self.generator_core)

    def memory_limit(self, size_bytes: int) -> MemoryLimit:
        """Returns a limit on memory, page cache included, for `start(limit=...)` or `limit.enter(pid)`."""
        limit = MemoryLimit(size_bytes)
        self.at_end.append(limit.remove)
        return limit
