"""Subscribers to server-sent events: each event of the stream is an operation (`subscription`)."""

from __future__ import annotations

import ssl

from hinterland.clients.dial import SocketMaker
from hinterland.clients.reader import BadAnswer
from hinterland.load.drivers.event_stream.answer import EventStreamAnswer
from hinterland.load.drivers.event_stream.events import EventTooLong
from hinterland.load.drivers.subscription import Subscription
from hinterland.load.drivers.transport.socket_lane import SocketLane, not_spoken
from hinterland.load.drivers.transport.tls import context_of
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, TOO_LONG
from hinterland.load.plan.plan import LoadPlan

OK = 200
CONTENT_TYPE = "text/event-stream"


class EventStreamSubscriber(SocketLane):
    """Asks once and listens. When it joins again it says which event it had last, as a browser does."""

    def __init__(
        self,
        number: int,
        plan: LoadPlan,
        listener: Listener,
        requests: Requests,
        *,
        new_socket: SocketMaker | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        self._subscription = Subscription(self, listener)
        self._answer = EventStreamAnswer()

    def greet(self) -> bytes:
        head, _, body = self.first_request().wire.partition(b"\r\n\r\n")
        if b"\r\naccept:" not in head.lower():
            head += b"\r\nAccept: text/event-stream"
        last_id = self._answer.last_id.encode()
        if last_id:
            head += b"\r\nLast-Event-ID: " + last_id
        self._answer = EventStreamAnswer()
        return head + b"\r\n\r\n" + body

    def greeting(self, data: bytes) -> None:
        try:
            events = self._answer.feed(data)
        except BadAnswer:
            self.refuse(not_spoken("HTTP", data))
            return
        except EventTooLong:
            self.refuse(TOO_LONG)
            return
        answer = self._answer
        if not answer.status:
            return
        if answer.status != OK:
            self.refuse(code_of(f"status {answer.status}"))
        elif answer.content_type != CONTENT_TYPE:
            self.refuse(code_of(f"not an event stream: {answer.content_type or 'no Content-Type'}"))
        else:
            self._subscription.joined()
            self.welcome()
            for event in events:
                self._subscription.event(event.data, event.id)

    def received(self, data: bytes) -> None:
        try:
            events = self._answer.feed(data)
        except BadAnswer as error:
            self.end(because(PROTOCOL, str(error)))
            return
        except EventTooLong:
            self.end(TOO_LONG)
            return
        for event in events:
            self._subscription.event(event.data, event.id)
        if self._answer.ended:
            self.end(CLOSED)

    def send(self, outgoing: Outgoing) -> None:
        """A subscriber asks for nothing."""
        raise NotImplementedError

    def end(self, error: int) -> None:
        if self.ready:
            self._subscription.cut_off(error)
        super().end(error)


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each subscriber."""
    tls = context_of(plan, "http/1.1")
    return [
        EventStreamSubscriber(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        for number in range(connections)
    ]
