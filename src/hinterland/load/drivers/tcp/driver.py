"""Raw TCP: bytes and the same bytes back are an operation. One connection each."""

from __future__ import annotations

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.drivers.transport.socket_lane import SocketLane
from hinterland.load.drivers.transport.tls import context_of
from hinterland.load.engine.failures import code_of
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.plan.plan import LoadPlan

OTHER_BYTES = "other bytes came back"


class TCPEcho(SocketLane):
    """The answer is as many bytes as were sent. Other bytes, or more of them, end the connection.

    TCP has no messages, so nothing else could say where an answer ends.
    """

    _place = 0

    def send(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._place = 0
        self.write(outgoing.wire)

    def received(self, data: bytes) -> None:
        outgoing = self._outgoing
        if self.operation < 0 or outgoing is None:
            self.surplus()
            return
        wire, place = outgoing.wire, self._place
        if data != wire or place:
            end = place + len(data)
            if wire[place:end] != data:
                if wire[place:] == data[: len(wire) - place]:
                    self.surplus()
                else:
                    self.end(code_of(OTHER_BYTES))
                return
            self._place = end
            if end < len(wire):
                return
        self._place = 0
        self.judge(Response(0, {}, wire))


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection. Raises UsageError where there is nothing to send."""
    if requests.constant is not None and not requests.constant.wire:
        raise UsageError("a TCP load has nothing to send.", "Give a message with --body.")
    tls = context_of(plan)
    return [
        TCPEcho(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        for number in range(connections)
    ]
