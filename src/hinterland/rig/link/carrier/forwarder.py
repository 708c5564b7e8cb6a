"""The forwarder: moves IP packets between the ends of a link, each through its directions' pipes.

One process, one loop: wait until an end has packets or one is due, read what is there, hand over what is due.
A packet from a to b passes a's `up`, then b's `down`; a direction that changes nothing is skipped.
Imports what starts fast: the standard library and msgspec.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import socket
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from hinterland.errors import HinterlandError, SetupError, UsageError, packed
from hinterland.rig.link.carrier.meter import Meter
from hinterland.rig.link.carrier.recorder import Recorder
from hinterland.rig.link.pipe.pipe import NEVER, NO_INDEX, Pipe
from hinterland.rig.link.pipe.shape import Shape, shape_from

BATCH = 64
SHARED_BATCH, SMALLEST_BATCH = 256, 8
"""How many packets are read from one end before the others have their turn: fewer when many ends are ready,
so that what is due does not wait for all of them."""

LONGEST_FRAME_BYTES = 65_535 + 64
MESSAGE_BYTES = 1 << 17
PR_SET_TIMERSLACK = 29
EARLY_NS_MOST = 200_000
SHORTEST_WAIT_NS = 10_000
"""A wake-up comes 20 to 200 us after its time, the later the longer the core was idle. So the loop asks to be
woken earlier by what it was late recently, up to the first figure and up to a quarter of the wait, and polls
for the rest. Waits below the second figure are polled whole. An idle link waits for packets without polling.
"""


class End:
    """One host's end: its name, its addresses as text, and the descriptor that carries its packets.

    fd: a TUN device without packet information, or a packet socket; it is made non-blocking. prefix: for a
    packet socket the Ethernet header with which packets go to this host; the EtherType is each packet's own.
    """

    def __init__(self, name: str, addresses: tuple[str, ...], fd: int, prefix: bytes = b"") -> None:
        self.name = name
        self.addresses = tuple(ip_address(address).packed for address in addresses)
        self.fd = fd
        self.prefix = prefix[:12]
        self.skip = len(prefix)
        self.packets = 0
        self.bytes = 0
        self.unaddressed = 0


class Path:
    """The way from one end to another: the pipes that do something, and the far end."""

    def __init__(self, source: int, destination: int, end: End) -> None:
        self.source = source
        self.destination = destination
        self.end = end
        self.first: Pipe | None = None
        self.second: Pipe | None = None
        self.direct = False


class Engine:
    """A star of ends. shapes: for each host its (up, down); a host left out has two empty shapes.

    Packets to an address that no end has (multicast, above all) go nowhere, are counted, and are not logged.
    """

    def __init__(
        self,
        ends: list[End],
        shapes: Mapping[str, tuple[Shape, Shape]],
        seed: int | str,
        recorder: Recorder | None = None,
    ) -> None:
        self._ends = ends
        self._recorder = recorder
        self._numbers = {end.name: number for number, end in enumerate(ends)}
        now_ns = time.monotonic_ns()
        self.pipes: dict[tuple[str, str], Pipe] = {}
        for end in ends:
            for way, shape in zip(("up", "down"), shapes.get(end.name, (Shape(), Shape())), strict=True):
                self.pipes[end.name, way] = Pipe(
                    shape, f"{seed}/{end.name}/{way}", now_ns, skip=end.skip, watcher=recorder
                )
        self._routes: list[dict[bytes, Path]] = [
            {
                address: Path(number, other, far)
                for other, far in enumerate(ends)
                if other != number
                for address in far.addresses
            }
            for number in range(len(ends))
        ]
        # The pipes that may have something under way; a dict keeps the order of a list and finds like a set.
        self._busy: dict[Pipe, None] = {}
        self._route()
        self.meter = Meter()
        self._fds: list[int] = []
        self._stopped = False

    def _route(self) -> None:
        """Skips the directions that change nothing, and by the fastest way where none is left."""
        names = [end.name for end in self._ends]
        # A pipe that was emptied of its shape stays until its last packet has left.
        needed = {
            key: pipe
            for key, pipe in self.pipes.items()
            if not pipe.shape.identity or pipe.next_ns() != NEVER
        }
        for number, routes in enumerate(self._routes):
            for path in routes.values():
                path.first = needed.get((names[number], "up"))
                path.second = needed.get((path.end.name, "down"))
                path.direct = path.first is None and path.second is None and self._recorder is None

    def run(self, control: socket.socket) -> None:
        """Forwards until the control socket says stop or is closed."""
        prepare_process()
        control.setblocking(False)
        by_fd = {end.fd: number for number, end in enumerate(self._ends)}
        for fd in by_fd:
            os.set_blocking(fd, False)
        self._fds = fds = [*by_fd, control.fileno()]
        clock, wait = time.monotonic_ns, select.select
        early_ns = EARLY_NS_MOST // 4
        self.meter.start()
        while not self._stopped:
            timeout_s: float | None = None
            wake_ns = 0
            if self._busy:
                next_ns = min([pipe.next_ns() for pipe in self._busy])
                if next_ns < NEVER:
                    now_ns = clock()
                    wait_ns = next_ns - now_ns
                    wake_ns = next_ns - min(early_ns, wait_ns >> 2)
                    timeout_s = (wake_ns - now_ns) / 1e9 if wait_ns > SHORTEST_WAIT_NS else 0
            ready = wait(fds, (), (), timeout_s)[0]
            now_ns = clock()
            if timeout_s and not ready:
                early_ns = min(EARLY_NS_MOST, (7 * early_ns + now_ns - wake_ns) // 8)
            full = 0
            batch = BATCH if len(ready) < 5 else max(SMALLEST_BATCH, SHARED_BATCH // len(ready))
            for fd in ready:
                number = by_fd.get(fd)
                if number is None:
                    self._serve(control)
                else:
                    full += self._read(number, now_ns, batch)
            if self._busy:
                self._hand_over(clock())
            self.meter.passed(now_ns, full > 0)

    def _read(self, number: int, now_ns: int, batch: int) -> bool:
        """Reads up to `batch` packets from an end; returns whether there may be more."""
        end = self._ends[number]
        fd, skip, routes = end.fd, end.skip, self._routes[number]
        v4, v6 = slice(skip + 16, skip + 20), slice(skip + 24, skip + 40)
        read, write = os.read, os.write
        packets = size_bytes = 0
        try:
            for _ in range(batch):
                frame = read(fd, LONGEST_FRAME_BYTES)
                packets += 1
                size_bytes += len(frame)
                # The bytes of an IPv4 destination lie in the source of an IPv6 packet, in its interface half.
                path = routes.get(frame[v4]) or routes.get(frame[v6])
                if path is None:
                    end.unaddressed += 1
                elif path.direct and not skip:
                    try:
                        write(path.end.fd, frame)
                    except OSError as error:
                        self.meter.refused(error)
                else:
                    self._enter(path, frame, skip, now_ns)
        except BlockingIOError:
            return False
        except OSError as error:
            # The device is gone, and would be reported as readable for ever.
            self.meter.refused(error)
            self._fds.remove(fd)
            return False
        finally:
            end.packets += packets
            end.bytes += size_bytes - packets * skip
        return True

    def _enter(self, path: Path, frame: bytes, skip: int, now_ns: int) -> None:
        index = NO_INDEX
        if self._recorder is not None:
            packet = frame[skip:] if skip else frame
            index = self._recorder.entered(now_ns, path.source, path.destination, packet)
        pipe = path.first or path.second
        if pipe is None:
            self._write(path, frame, index)
        else:
            pipe.offer(now_ns, frame, path, index)
            self._busy[pipe] = None

    def _hand_over(self, now_ns: int) -> None:
        """Moves on what is due; a first pipe's packet enters the second at its due moment, not later."""
        again = False
        for pipe in list(self._busy):
            next_ns = pipe.next_ns()
            if next_ns > now_ns:
                if next_ns == NEVER:
                    del self._busy[pipe]
                continue
            for due_ns, frame, path, index in pipe.due(now_ns):
                follow = path.second
                if follow is None or follow is pipe:
                    self._write(path, frame, index)
                    self.meter.late(now_ns - due_ns)
                else:
                    follow.offer(due_ns, frame, path, index)
                    self._busy[follow] = None
                    again = True
        if again:
            self._hand_over(now_ns)

    def _write(self, path: Path, frame: bytes, index: int) -> None:
        end = path.end
        try:
            os.write(end.fd, end.prefix + frame[12:] if end.skip else frame)
        except OSError as error:
            self.meter.refused(error)
        else:
            if index != NO_INDEX and self._recorder is not None:
                self._recorder.delivered(index, time.monotonic_ns())

    def _serve(self, control: socket.socket) -> None:
        """Answers one control message; a closed socket means stop.

        A file that comes with it is where to write, in place of a path.
        """
        try:
            data, passed, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            data, passed = b"", []
        if not data:
            self._stopped = True
            return
        try:
            message = json.loads(data)
            for descriptor in passed:
                message["path"] = f"/proc/self/fd/{descriptor}"
            answer = self._obey(message)
        except (HinterlandError, OSError, KeyError, TypeError, ValueError) as error:
            answer = {"error": packed(error)}
        for descriptor in passed:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            control.send(json.dumps(answer).encode())

    def _obey(self, message: dict[str, Any]) -> dict[str, Any]:
        do = message["do"]
        if do == "shape":
            return self.change(message["host"], message)
        if do == "audit":
            return self.audit()
        if do == "measure":
            self.meter.measure()
            return {}
        if do == "stop":
            self._stopped = True
            return {"stopped": True}
        if do not in ("packets", "pcap"):
            raise ValueError(f"do={do!r} is not a request that the forwarder knows")
        if self._recorder is None:
            raise UsageError("This link keeps no packets.", "Open it with packets=True.")
        number = self._numbers[message.get("host", self._ends[0].name)]
        try:
            if do == "pcap":
                return {"packets": self._recorder.write_pcap(message["path"], number)}
            self._recorder.write(message["path"])
        except OSError as error:
            raise SetupError(
                f"{message['path']} can't be written: {error.strerror}.", "Send it elsewhere."
            ) from error
        return {"packets": len(self._recorder.frames), "left_out": self._recorder.left_out}

    def change(self, host: str, ways: Mapping[str, Any]) -> dict[str, Any]:
        """Gives a host's `up`, `down` or both another shape; returns when, in monotonic nanoseconds."""
        shapes = {way: shape_from(ways[way]) for way in ("up", "down") if ways.get(way) is not None}
        pipes = {way: self.pipes[host, way] for way in shapes}
        now_ns = time.monotonic_ns()
        for way, shape in shapes.items():
            pipes[way].change(now_ns, shape)
        self._route()
        return {"changed_ns": now_ns}

    def audit(self) -> dict[str, Any]:
        """Returns what the link measured of itself since it opened, as JSON values; audit.py judges it."""
        return self.meter.report() | {
            "packets": sum(end.packets for end in self._ends),
            "bytes": sum(end.bytes for end in self._ends),
            "unaddressed": sum(end.unaddressed for end in self._ends),
            "directions": {
                f"{host}.{way}": pipe.report()
                for (host, way), pipe in self.pipes.items()
                if not pipe.shape.identity or pipe.packets
            },
        }


def prepare_process() -> None:
    """Makes the process's wake-ups punctual: exact timers, a share of the cores, no pauses for garbage.

    A session of its own is a scheduling group of its own (sched(7), autogroup), which rests most of the time
    and so goes first when it wakes: beside four busy loops on two cores, one packet in a hundred was 7 to 19
    ms late without and 2 to 4 ms with it. The loop makes no reference cycles for the collector to find.
    """
    with contextlib.suppress(PermissionError):
        os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.freeze()
    gc.disable()
