"""WebSocket messages and their echoes as operations: one connection each, frames built once.

Without a check of its own, a message is answered by its echo: the same kind, the same bytes. Whatever else
the server says is counted as surplus, and passed over. With a check, the next message is the answer and the
check decides.
"""

from __future__ import annotations

from typing import NamedTuple

from hinterland.clients.message import Response
from hinterland.load.drivers.websocket.frames import BINARY, TEXT, Message, frame, masked_frame
from hinterland.load.drivers.websocket.lane import WebSocketLane
from hinterland.load.engine.failures import code_of
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import TIMEOUT


class Exchange(NamedTuple):
    """A message as it is sent, and its echo as it comes back in one frame; `Outgoing.built` carries it."""

    sent: bytes
    echo: bytes
    message: Message


def exchange(payload: bytes) -> Exchange:
    """Returns the frames of a message: text where the payload is UTF-8, else binary."""
    try:
        payload.decode()
        opcode = TEXT
    except UnicodeDecodeError:
        opcode = BINARY
    return Exchange(masked_frame(opcode, payload), frame(opcode, payload), Message(opcode, payload))


class WebSocketEcho(WebSocketLane):
    """Carries one message at a time and waits for its echo."""

    _exchange: Exchange | None = None
    _others = 0

    def send(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        built = outgoing.built
        if not isinstance(built, Exchange):
            outgoing.built = built = exchange(outgoing.wire)
        self._exchange = built
        self._others = 0
        self.write(built.sent)

    def received(self, data: bytes) -> None:
        wanted = self._exchange
        # Between two messages the bytes of the echo's frame are the echo, and nothing else.
        if (
            wanted is not None
            and data == wanted.echo
            and self.operation >= 0
            and self._client.idle
            and self._outgoing is not None
            and not self._outgoing.reads
        ):
            self.done()
            return
        super().received(data)

    def hear(self, message: Message) -> None:
        outgoing = self._outgoing
        if self.operation < 0 or outgoing is None or self._exchange is None:
            self.surplus_answers += 1
        elif outgoing.reads:
            self.judge(Response(0, {}, message.payload))
        elif message == self._exchange.message:
            self.done()
        else:
            self.surplus_answers += 1
            self._others += 1

    def fail(self, error: int) -> None:
        """A conversation that breaks off in the middle is none that the next visit could begin in."""
        if self._outgoing is not None and self._outgoing.of_several:
            self.dirty = True
        super().fail(error)

    def end(self, error: int) -> None:
        if error == TIMEOUT and self._others:
            error = code_of("no echo, other messages")
        super().end(error)
