"""Redis commands as operations: one connection each, prebuilt arrays, `AUTH` and `SELECT` from the URL."""

from __future__ import annotations

import ssl

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import Response
from hinterland.load.drivers.redis import resp
from hinterland.load.drivers.redis.resp import NotRESP, ReplyReader
from hinterland.load.drivers.redis.state import LEAVING, Left
from hinterland.load.drivers.transport.remembered import Remembered
from hinterland.load.drivers.transport.socket_lane import KEPT_BYTES, REMEMBERED_BYTES, SocketLane, not_spoken
from hinterland.load.drivers.transport.tls import context_of
from hinterland.load.engine.failures import because, code_of, note
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import PROTOCOL
from hinterland.load.plan.plan import LoadPlan

PREFIX_REFUSAL = "NOPERM"
LEFT_OPEN = "a visit ended inside MULTI, which was discarded"
RESET = resp.command([b"RESET"])


class RedisLane(SocketLane):
    """Sends `outgoing.wire`, a command line such as `SET greeting "hello world"`, or a ready RESP array.

    A reply that is an error fails the operation as `redis WORD`, its first word. A command that subscribes
    or monitors has no single reply: what comes beyond the first one ends the lane. What a visit leaves on the
    connection is undone by RESET and the greeting, on another connection where there is no RESET.
    """

    def __init__(
        self,
        number: int,
        plan: LoadPlan,
        listener: Listener,
        requests: Requests,
        remembered: Remembered,
        *,
        new_socket: SocketMaker | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        self._reader = ReplyReader(KEPT_BYTES)
        self._remembered = remembered
        self._whole = self._well = True
        self._greetings = 0
        self._left = Left()

    # Greeting: a PING finds out what is wrong before the first operation is timed.

    def greet(self) -> bytes:
        target = self._target
        words: list[list[bytes]] = []
        if target.password:
            user = [target.user.encode()] if target.user else []
            words.append([b"AUTH", *user, target.password.encode()])
        if target.database:
            words.append([b"SELECT", target.database.encode()])
        words.append([b"PING"])
        self._greetings = len(words)
        self._left = Left()
        self._reader.begin()
        self._reader.keep, self._whole = False, True
        return b"".join(map(resp.command, words))

    def greeting(self, data: bytes) -> None:
        try:
            while data and self._greetings:
                end = self._reader.feed(data)
                if end < 0:
                    return
                data = data[end:]
                error = self._reader.error
                if error and not (self._greetings == 1 and error.startswith(PREFIX_REFUSAL)):
                    self.refuse(code_of(f"redis {error}"))
                    return
                self._greetings -= 1
                self._reader.begin()
        except NotRESP:
            self.refuse(not_spoken("Redis", data))
            return
        if data:
            self.refuse(because(PROTOCOL, "more came than was asked for"))
        elif not self._greetings:
            self.welcome()

    # Between two visits.

    def undo(self) -> bytes:
        if self._left.multi and self._well:
            note(LEFT_OPEN)
        words = self.greet()
        self._greetings += 1
        return RESET + words

    def undone(self, data: bytes) -> None:
        reader = self._reader
        try:
            while data and self._greetings:
                end = reader.feed(data)
                if end < 0:
                    return
                data = data[end:]
                if reader.error and not (self._greetings == 1 and reader.error.startswith(PREFIX_REFUSAL)):
                    break
                self._greetings -= 1
                reader.begin()
        except NotRESP:
            pass
        if data or self._greetings:
            self.abort()
        else:
            self.cleaned()

    # Operations.

    def send(self, outgoing: Outgoing) -> None:
        built = outgoing.built
        if not isinstance(built, bytes):
            outgoing.built = built = array_of(outgoing.wire)
        if outgoing is not self._outgoing:
            self._outgoing = outgoing
            self._command = resp.first_word(built)
        self._well = True
        if self._command in LEAVING:
            self._left.sent(self._command)
            self.dirty = self._only_once or self._left.anything
        self.write(built)

    def fail(self, error: int) -> None:
        self._well = False
        if self._command in LEAVING:
            # Whether an EXEC that was refused has ended anything, nobody knows.
            self._left.other = self.dirty = True
        super().fail(error)

    def received(self, data: bytes) -> None:
        if self.operation < 0 or self._outgoing is None:
            self.surplus()
            return
        reads = self._outgoing.reads
        if data == self._remembered.data and self._whole and not reads:
            self.done()
            return
        reader = self._reader
        reader.keep = reads
        try:
            end = reader.feed(data)
        except NotRESP as failure:
            self.end(because(PROTOCOL, f"no reply of RESP2: {failure}"))
            return
        if end < 0:
            self._whole = False
        elif end < len(data):
            self.surplus()
        else:
            self._complete(data, reader)

    def _complete(self, data: bytes, reader: ReplyReader) -> None:
        whole, self._whole = self._whole, True
        error, body = reader.error, bytes(reader.kept)
        reader.begin()
        if error:
            word, _, says = error.partition(" ")
            self.fail(code_of(f"redis {word}", says))
            return
        if whole and len(data) <= REMEMBERED_BYTES:
            self._remembered.keep(data)
        self.judge(Response(0, {}, body))


def array_of(wire: bytes) -> bytes:
    """Returns the RESP array of a command line; one that is an array already stays as it is.

    Raises UsageError for a line that is empty or has an open quote.
    """
    if wire.startswith(b"*") and wire.endswith(b"\r\n"):
        return wire
    return resp.command(resp.split(wire.decode("utf-8", "surrogateescape")))


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection; they share the last answer, and nothing else."""
    remembered, tls = Remembered(), context_of(plan)
    return [
        RedisLane(number, plan, listener, requests, remembered, new_socket=new_socket, tls=tls)
        for number in range(connections)
    ]
