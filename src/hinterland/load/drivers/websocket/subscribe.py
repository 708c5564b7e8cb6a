"""Subscribers to a WebSocket: each message of the server is an event (`subscription`)."""

from __future__ import annotations

from hinterland.load.drivers.subscription import Subscription
from hinterland.load.drivers.websocket.frames import TEXT, Message, masked_frame
from hinterland.load.drivers.websocket.lane import WebSocketLane
from hinterland.load.engine.outgoing import Outgoing


class WebSocketSubscriber(WebSocketLane):
    """Joins, sends the load's message if there is one, such as the name of a channel, and listens."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # The lane's own.
        self._subscription = Subscription(self, self._listener)

    def welcome(self) -> None:
        self._subscription.joined()
        message = self.first_request().wire
        if message:
            self.write(masked_frame(TEXT, message))
        super().welcome()

    def send(self, outgoing: Outgoing) -> None:
        """A subscriber asks for nothing."""
        raise NotImplementedError

    def hear(self, message: Message) -> None:
        self._subscription.event(message.payload)

    def end(self, error: int) -> None:
        if self.ready:
            self._subscription.cut_off(error)
        super().end(error)
