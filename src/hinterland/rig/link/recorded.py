"""A link inside a trial: what is done to it becomes events of the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hinterland.errors import HinterlandError, InternalError
from hinterland.model.history import Event
from hinterland.model.packets import PacketLog
from hinterland.rig.link.carrier.launch import ANSWER_S
from hinterland.rig.link.host import Host
from hinterland.rig.link.kernel.plan import LinkPlan
from hinterland.rig.link.link import Link, ways_of
from hinterland.rig.link.pipe.shape import Shape

if TYPE_CHECKING:
    from hinterland.rig.link.audit import LinkAudit

Record = Callable[[Event], None]


class RecordedLink:
    """A link whose changes, partitions and audit are recorded; `Rig.link` opens it and `Rig.close` closes it.

    `client`, `server` and `link["name"]` are its hosts, `tier` what carries its packets.
    """

    def __init__(self, plan: LinkPlan, record: Record) -> None:
        self.plain = Link(plan)
        self.name = plan.name
        self._record = record
        self._cut: set[str] = set()
        self._measuring = False

    @property
    def tier(self) -> str:
        return self.plain.tier

    @property
    def client(self) -> Host:
        return self.plain.client

    @property
    def server(self) -> Host:
        return self.plain.server

    @property
    def hosts(self) -> dict[str, Host]:
        return self.plain.hosts

    def __getitem__(self, name: str) -> Host:
        return self.plain[name]

    async def open(self) -> RecordedLink:
        """Opens it, with the loop going on meanwhile, and records what it is."""
        loop = asyncio.get_running_loop()
        descriptor = self.plain.begin()
        answered = asyncio.Event()
        loop.add_reader(descriptor, answered.set)
        try:
            async with asyncio.timeout(ANSWER_S):
                await answered.wait()
        except BaseException as error:
            loop.remove_reader(descriptor)
            self.plain.close()
            if isinstance(error, TimeoutError):
                raise InternalError(f"link {self.name} was not built within {ANSWER_S:g} s.") from error
            raise
        loop.remove_reader(descriptor)
        self.plain.finish()
        self.plain.on_settled = self._settled
        self._note("opened", **self.plain.describe())
        return self

    async def change(
        self, host: str | None = None, *, up: Shape | None = None, down: Shape | None = None, **fields: Any
    ) -> None:
        """See Link.change."""
        self.plain.change(host, up=up, down=down, **fields)
        name = self.plain.host_name(host)
        self._note("changed", host=name, **self.plain.describe()["hosts"][name])

    async def partition(self, host: str | None = None, *, way: str = "both") -> None:
        """See Link.partition; a fault with start and effect."""
        name = self.plain.host_name(host)
        ways_of(way)
        self._fault("start", host=name, way=way)
        self.plain.partition(host, way=way)
        self._cut.add(name)
        self._fault("effect", host=name, way=way)

    async def heal(self, host: str | None = None) -> None:
        """See Link.heal; the end of the fault."""
        name = self.plain.host_name(host)
        self.plain.heal(host)
        if name in self._cut:
            self._cut.discard(name)
            self._fault("end", host=name)

    def measuring(self) -> None:
        """Says that the trial measures from now on; only the first time counts."""
        if self.plain.hosts and not self._measuring:
            self._measuring = True
            self.plain.count_lateness_anew()

    async def audit(self) -> LinkAudit:
        """See Link.audit."""
        return self.plain.audit()

    def packets(self) -> PacketLog:
        """See Link.packets."""
        return self.plain.packets()

    def hand_over(self, packets: Callable[[str, PacketLog], None] | None) -> None:
        """Records the audit and hands over the packets, if it was opened and kept any."""
        if not self.plain.hosts:
            return
        try:
            found = self.plain.audit()
            self._note("audit", **found.record())
            if self.plain.plan.keeps_packets and packets is not None:
                packets(self.name, self.packets())
        except HinterlandError as error:
            # Its end must not hide why the trial ends; what is missing in the history voids the trial.
            self._note("audit", failed=str(error))
        if self.plain.plan.pcap:
            self._capture(Path(self.plain.plan.pcap))

    def _capture(self, path: Path) -> None:
        """Writes the capture. That is for a person to look at: without it the trial is no less sound."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.plain.write_pcap(path)
        except (HinterlandError, OSError) as error:
            self._note("capture", failed=str(error))

    def close(self) -> None:
        """Ends it and records that."""
        if self.plain.hosts:
            self.plain.close()
            self._note("closed")
        self.plain.close()

    def _settled(self, host: Host) -> None:
        self._note("changed", host=host.name, settings=host.in_effect)

    def _note(self, name: str, **detail: Any) -> None:
        self._record(Event(time.monotonic_ns(), "link", name, target=self.name, detail=detail))

    def _fault(self, stage: str, **detail: Any) -> None:
        self._record(
            Event(time.monotonic_ns(), "fault", "partition", target=self.name, stage=stage, detail=detail)
        )
