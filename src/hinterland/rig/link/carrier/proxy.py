"""The last tier: no network of its own, but sockets of this machine with a delay and a rate in between.

For machines that allow no namespaces. Each host is an address of the loopback network; whoever wants to reach
a port of another host asks for a proxy to it, which delays what passes by both hosts' shapes. A proxy sees
bytes and datagrams, not packets: it can't lose, reorder or record them, it can't delay the kernel's handshake
(the first byte arrives as late as it should, the connection itself does not), and programs that connect
without asking go past it. Lateness is not audited: the loop's timers are exact to 1 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import time
from typing import Any, cast

from hinterland.errors import HinterlandError, UsageError, packed
from hinterland.rig.link.kernel.plan import HostPlan, LinkPlan
from hinterland.rig.link.pipe.shape import Shape, shape_from

PIECE_BYTES = 16_384
MOST_WAITING_BYTES = 1 << 20
"""How much of one connection a proxy holds: more would hide from the sender that the receiver is slow."""
KINDS = ("tcp", "udp")
MESSAGE_BYTES = 1 << 17
Address = tuple[str, int]


class Delay:
    """The way from one host to another: says when what enters now comes out."""

    def __init__(self, proxy: Proxy, source: str, destination: str) -> None:
        self._proxy = proxy
        self._source, self._destination = source, destination
        self._free_s: dict[str, float] = {}

    @property
    def cut(self) -> bool:
        return any(shape.cut for shape in self._shapes())

    async def passable(self) -> None:
        """Returns when the way is not cut."""
        while self.cut:
            await self._proxy.changed.wait()

    def _shapes(self) -> tuple[Shape, Shape]:
        return self._proxy.shapes[self._source][0], self._proxy.shapes[self._destination][1]

    def due_s(self, size_bytes: int) -> float:
        """Returns when the last of `size_bytes` comes out, in the loop's time."""
        now_s = time.monotonic()
        for name, shape in zip(("up", "down"), self._shapes(), strict=True):
            if shape.rate_mbit is not None:
                start_s = max(now_s, self._free_s.get(name, 0.0))
                now_s = self._free_s[name] = start_s + size_bytes / (shape.rate_mbit * 125_000)
            now_s += shape.delay_ms / 1000
        self._proxy.bytes += size_bytes
        return now_s


class Proxy:
    """The proxies of a link, made when they are asked for."""

    def __init__(self, plan: LinkPlan) -> None:
        self.hosts: dict[str, HostPlan] = {each.name: each for each in plan.hosts}
        self.shapes: dict[str, tuple[Shape, Shape]] = {each.name: (each.up, each.down) for each in plan.hosts}
        self.changed = asyncio.Event()
        self.bytes = 0
        self._made: dict[tuple[str, str, int, str], Address] = {}
        self._ways: dict[tuple[str, str], Delay] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened_s = time.monotonic()

    async def serve(self, control: socket.socket) -> None:
        """Answers control messages until the socket is closed."""
        control.setblocking(False)
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(control, MESSAGE_BYTES):
            try:
                answer = await self._obey(json.loads(data))
            except (HinterlandError, OSError, KeyError, ValueError) as error:
                answer = {"error": packed(error)}
            await loop.sock_sendall(control, json.dumps(answer).encode())

    async def _obey(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["do"] == "reach":
            keys = message["source"], message["host"], int(message["port"]), message["kind"]
            return {"address": await self.reach(*keys)}
        if message["do"] == "shape":
            self.shapes[message["host"]] = shape_from(message["up"]), shape_from(message["down"])
            self.changed.set()
            self.changed = asyncio.Event()
            return {}
        if message["do"] == "audit":
            return self.report()
        if message["do"] == "measure":
            # A proxy does not know how late it is.
            return {}
        do = message["do"]
        raise UsageError(f"{do}: the proxy tier can't do that.", "hinterland doctor says what can.")

    def report(self) -> dict[str, Any]:
        """Returns what a forwarder's audit would, as far as a proxy can know it."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "packets": 0, "bytes": self.bytes, "scheduled": 0, "errors": {}, "directions": {},
            "lateness_p50_us": None, "lateness_p99_us": None, "lateness_max_us": None, "since": "opening",
            "open_us": (time.monotonic() - self._opened_s) * 1e6, "behind_us": 0.0, "busiest": 0.0,
            "cpu_us": (used.ru_utime + used.ru_stime) * 1e6, "run_delay_us": 0.0,
        }  # fmt: skip

    async def reach(self, source: str, host: str, port: int, kind: str) -> Address:
        """Returns where `source` reaches `port` of `host` through the link."""
        if kind not in KINDS:
            raise UsageError(f"kind {kind!r}: a proxy carries {' and '.join(KINDS)}.")
        key = (source, host, port, kind)
        if key not in self._made:
            loop = asyncio.get_running_loop()
            there, back = self._way(source, host), self._way(host, source)
            target = (self.hosts[host].address, port)
            here = self.hosts[source].address
            if kind == "tcp":
                server = await asyncio.start_server(
                    lambda reader, writer: self._connected(reader, writer, target, there, back), here, 0
                )
                self._made[key] = server.sockets[0].getsockname()
            else:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(target, there, back), local_addr=(here, 0)
                )
                self._made[key] = transport.get_extra_info("sockname")
        return self._made[key]

    def _way(self, source: str, destination: str) -> Delay:
        return self._ways.setdefault((source, destination), Delay(self, source, destination))

    async def _connected(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: Address,
        there: Delay,
        back: Delay,
    ) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*target)
        except OSError:
            # The nearest that a proxy comes to a refused connection is one that is reset at once.
            writer.transport.abort()
            return
        ways = ((reader, far_writer, there), (far_reader, writer, back))
        tasks = [asyncio.ensure_future(pump(*way)) for way in ways]
        self._tasks.update(tasks)
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._tasks.difference_update(tasks)
            for each in (writer, far_writer):
                each.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Delay) -> None:
    """Moves one direction of a connection, each piece when it is due, and its end after the last."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_WAITING_BYTES // PIECE_BYTES)

    async def hand_on() -> None:
        while True:
            due_s, piece = await waiting.get()
            await asyncio.sleep(due_s - time.monotonic())
            await way.passable()
            if not piece:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()

    handing = asyncio.ensure_future(hand_on())
    try:
        while True:
            piece = await reader.read(PIECE_BYTES)
            await waiting.put((way.due_s(len(piece)), piece))
            if not piece:
                break
        await handing
    except ConnectionError:
        writer.transport.abort()
    finally:
        handing.cancel()


class Datagrams(asyncio.DatagramProtocol):
    """A UDP port: a socket to the target for each sender, so that answers find their way back."""

    def __init__(self, target: Address, there: Delay, back: Delay) -> None:
        self._target, self._there, self._back = target, there, back
        self._sockets: dict[Address, socket.socket] = {}
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._there.cut:
            return
        far = self._sockets.get(addr)
        if far is None:
            far = self._sockets[addr] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            far.setblocking(False)
            far.connect(self._target)
            self._loop.add_reader(far, self._answered, far, addr)
        self._loop.call_at(self._there.due_s(len(data)), self._send, far, data)

    def _send(self, far: socket.socket, data: bytes) -> None:
        # Nobody listens there, or its buffer is full: a datagram may be lost then, as anywhere.
        with contextlib.suppress(OSError):
            far.send(data)

    def _answered(self, far: socket.socket, addr: Address) -> None:
        with contextlib.suppress(OSError):
            data = far.recv(65_535)
            if not self._back.cut:
                self._loop.call_at(self._back.due_s(len(data)), self._transport.sendto, data, addr)


def run_proxy(plan: LinkPlan, control: socket.socket) -> None:
    """Serves a link's proxies until the control socket is closed."""
    asyncio.run(Proxy(plan).serve(control))
