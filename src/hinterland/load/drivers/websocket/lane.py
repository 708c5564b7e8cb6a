"""A connection that speaks WebSocket, whatever is done with its messages."""

from __future__ import annotations

from hinterland.load.drivers.transport.socket_lane import SocketLane
from hinterland.load.drivers.websocket.client import HandshakeFailure, WebSocketClient
from hinterland.load.drivers.websocket.frames import Message, NotWebSocket
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.recorder import PROTOCOL


class WebSocketLane(SocketLane):
    """A connection after its handshake: answers pings, and takes a close for what it is.

    A subclass says what it does with a message (`hear`). Path and headers of the load's first request
    go into the handshake.
    """

    def greet(self) -> bytes:
        first, target = self.first_request(), self._target
        path = first.path if first.path.startswith("/") else target.path
        self._client = WebSocketClient(target.host, target.port, path, first.headers)
        return self._client.request

    def greeting(self, data: bytes) -> None:
        try:
            messages = self._client.feed(data)
        except HandshakeFailure as failure:
            self.refuse(code_of(f"handshake: {failure}"))
        except NotWebSocket as failure:
            self.refuse(because(PROTOCOL, str(failure)))
        else:
            if self._client.is_open:
                self.welcome()
                self.take(messages)

    def received(self, data: bytes) -> None:
        try:
            messages = self._client.feed(data)
        except NotWebSocket as failure:
            self.write(self._client.complaint(failure))
            self.end(because(PROTOCOL, str(failure)))
        else:
            self.take(messages)

    def take(self, messages: list[Message]) -> None:
        """Writes what must be replied, passes messages on, and ends with the server's close."""
        if self._client.replies:
            self.reply(self._client.replies)
        for message in messages:
            if not self.ready:
                return
            self.hear(message)
        if self._client.closed and self.ready:
            self.end(code_of(f"closed {self._client.closed}", self._client.close_reason))

    def hear(self, message: Message) -> None:
        """A message came."""
        raise NotImplementedError
