"""Step points: named places in a system's code at which it tells us that it is there, and waits.

So that a fault hits every gap between two steps, instead of hoping to. The system finds the path of a Unix
socket in HINTERLAND_STEPS, connects (once, or once an announcement; a thread or a task at a time on a
connection), sends `name\\n` and goes on when it reads the byte `g`. `announce` is that in Python; in
JavaScript:

    const steps = net.connect(process.env.HINTERLAND_STEPS)
    const announce = (name) => new Promise((go) => { steps.once("data", go); steps.write(name + "\\n") })
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any, cast

from hinterland.errors import InternalError, SetupError, SystemFailure
from hinterland.model.history import Event

GO = b"g"
VARIABLE = "HINTERLAND_STEPS"
PATH_BYTES_MOST = 107
BACKLOG = 1024
Which = str | Callable[[str], bool]
Action = Callable[[str], Awaitable[object] | object]


class Gate:
    """Holds the next announcement of one step. Await it: it returns when the system is held there."""

    def __init__(self, which: Which, timeout_s: float, forget: Callable[[Gate], None]) -> None:
        self.which = which
        self.name = ""
        self.target = ""
        self._timeout_s = timeout_s
        self._forget = forget
        self._reached = asyncio.Event()
        self._announcer: Announcer | None = None

    def __await__(self) -> Generator[Any, None, Gate]:
        return self._wait().__await__()

    async def _wait(self) -> Gate:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._reached.wait()
        except TimeoutError:
            self.release()
            raise SystemFailure(
                f"The step {_say(self.which)} was not reached within {self._timeout_s:g} s.",
                "See that the system announces it, and that the workload leads there.",
            ) from None
        return self

    @property
    def holds(self) -> bool:
        """True while a system waits at it."""
        return self._announcer is not None

    def close_behind(self, announcer: Announcer, name: str) -> None:
        """Holds `announcer`, which has reached the step."""
        self.name = name
        self.target = announcer.target
        self._announcer = announcer
        self._reached.set()

    def release(self) -> None:
        """Lets the system go on, and takes the gate away if nothing came to it."""
        self._forget(self)
        if self._announcer is not None:
            self._announcer.go()
            self._announcer = None


class StepPoints:
    """The rig's side of the step points. `path` is the socket, `environment` what a system needs to find it.

    Every announcement becomes an event of kind `step`. Where no gate and no action waits for it, the system
    goes on at once: about 50 µs later, on a quiet machine.
    """

    def __init__(self, path: Path, record: Callable[[Event], None], name_of: Callable[[int], str]) -> None:
        self.path = path
        self.environment = {VARIABLE: str(path)}
        self.seen: dict[str, int] = {}
        self._record = record
        self._name_of = name_of
        self._gates: list[Gate] = []
        self._holding: list[Gate] = []
        self._actions: list[tuple[Which, Action]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._server: asyncio.AbstractServer | None = None

    def open(self) -> None:
        """Starts to listen, in the running loop. Raises SetupError when the path is too long for it."""
        if len(str(self.path).encode()) > PATH_BYTES_MOST:
            raise SetupError(
                f"{self.path}: the path of a Unix socket may have {PATH_BYTES_MOST} bytes.",
                "Set TMPDIR to a folder with a shorter path, such as /tmp.",
            )
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.bind(str(self.path))
        # A system that runs as an unprivileged user must be able to connect.
        self.path.chmod(0o666)
        listener.listen(BACKLOG)
        # Whoever connects before the loop comes to this waits in the backlog.
        self._start(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Announcer(self), sock=listener, backlog=BACKLOG)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on(self, which: Which, action: Action) -> Callable[[], None]:
        """Calls `action(name)` at each announcement that `which` names or accepts.

        The system waits until the action is done, awaited if it is a coroutine. Returns what takes it away.
        """
        pair = (which, action)
        self._actions.append(pair)

        def remove() -> None:
            if pair in self._actions:
                self._actions.remove(pair)

        return remove

    def reached(self, which: Which, timeout_s: float = 10.0) -> Gate:
        """Arms a gate for the next announcement that `which` names or accepts, at once; await the gate it
        returns.

        Awaiting raises SystemFailure after `timeout_s`. Arm it before the request that leads there is sent:

            gate = steps.reached("charged")
            ...send the request...
            await gate
        """
        gate = Gate(which, timeout_s, self._forget)
        self._gates.append(gate)
        return gate

    def release(self) -> None:
        """Lets every held system go on and takes all gates away."""
        for gate in [*self._gates, *self._holding]:
            gate.release()

    def close(self) -> None:
        """Stops listening and lets all go. Raises what an action raised, if one did."""
        self.release()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        self.path.unlink(missing_ok=True)
        if self._failures:
            raise InternalError("An action at a step point failed.") from self._failures[0]

    def announced(self, announcer: Announcer, name: str) -> None:
        """Takes note of an announcement and decides whether the system waits."""
        self.seen[name] = self.seen.get(name, 0) + 1
        self._record(Event(time.monotonic_ns(), "step", name, target=announcer.target))
        for gate in self._gates:
            if _fits(gate.which, name):
                self._gates.remove(gate)
                self._holding.append(gate)
                gate.close_behind(announcer, name)
                return
        actions = [action for which, action in self._actions if _fits(which, name)]
        if actions:
            self._start(self._act(actions, announcer, name))
        else:
            announcer.go()

    async def _act(self, actions: list[Action], announcer: Announcer, name: str) -> None:
        try:
            for action in actions:
                result = action(name)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:
            self._failures.append(error)
        finally:
            announcer.go()

    def name_of(self, pid: int) -> str:
        """Returns the name of the process that `pid` belongs to."""
        return self._name_of(pid)

    def _forget(self, gate: Gate) -> None:
        for gates in (self._gates, self._holding):
            if gate in gates:
                gates.remove(gate)


class Announcer(asyncio.Protocol):
    """One connection from a system."""

    def __init__(self, points: StepPoints) -> None:
        self.target = ""
        self._points = points
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.target = self._points.name_of(_peer(self._transport))

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._points.announced(self, line.decode(errors="replace").strip())

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def go(self) -> None:
        """Lets the system go on, if it is still there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(GO)


def _peer(transport: asyncio.Transport) -> int:
    """Returns the pid of the process at the other end."""
    peer = transport.get_extra_info("socket")
    if peer is None:
        return 0
    found: tuple[int, int, int] = struct.unpack(
        "3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    )
    return found[0]


def _fits(which: Which, name: str) -> bool:
    return which == name if isinstance(which, str) else which(name)


def _say(which: Which) -> str:
    return repr(which) if isinstance(which, str) else "asked for"
