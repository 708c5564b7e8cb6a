"""How a client follows a feed, as a value that another process can be told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hinterland.lab.audience.followers import EventStream, Follower, LongPolling, ShortPolling, WebSocketFeed
from hinterland.lab.audience.webhook import Webhook

Way = Literal["short_polling", "long_polling", "sse", "websocket", "webhook"]


class Following(Struct, frozen=True):
    """One client's way. interval_s, phase_s: how often and from when on it polls, where it does.

    reachable: whether its endpoint can be reached, where it has one.
    """

    way: Way
    path: str
    interval_s: float = 0.0
    phase_s: float = 0.0
    reachable: bool = True

    def follower(self) -> Follower:
        """Returns the client."""
        match self.way:
            case "short_polling":
                return ShortPolling(self.path, interval_s=self.interval_s, phase_s=self.phase_s)
            case "long_polling":
                return LongPolling(self.path)
            case "sse":
                return EventStream(self.path)
            case "websocket":
                return WebSocketFeed(self.path)
            case "webhook":
                return Webhook(self.path, reachable=self.reachable)

    @property
    def files(self) -> int:
        """How many files the client keeps open: its connection, and the endpoint that it listens at."""
        return 2 if self.way == "webhook" else 1
