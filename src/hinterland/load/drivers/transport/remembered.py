"""An answer that was read once, so that the same bytes need no reading again."""

from __future__ import annotations

from hinterland.load.engine.outgoing import Outgoing


class Remembered:
    """The last good answer that came in one piece and left its lane open, shared by a load's lanes.

    `good_for` is the request whose checks it passed: the same answer to the same request passes them again.
    A driver keeps none that changes what its lane knows.
    """

    __slots__ = ("data", "good_for", "status")

    def __init__(self) -> None:
        self.data, self.status = b"", 0
        self.good_for: Outgoing | None = None

    def keep(self, data: bytes, status: int = 0, good_for: Outgoing | None = None) -> None:
        self.data, self.status, self.good_for = data, status, good_for
