"""What a command leaves on its connection: a transaction, a watch, another database, another user."""

from __future__ import annotations

_BEGINS, _WATCHES, _ENDS, _UNWATCHES = b"MULTI", b"WATCH", (b"EXEC", b"DISCARD"), b"UNWATCH"
_FOR_GOOD = (
    b"ASKING", b"AUTH", b"CLIENT", b"HELLO", b"MONITOR", b"PSUBSCRIBE", b"PUNSUBSCRIBE", b"READONLY",
    b"READWRITE", b"RESET", b"SELECT", b"SSUBSCRIBE", b"SUBSCRIBE", b"SUNSUBSCRIBE", b"UNSUBSCRIBE",
)  # fmt: skip
"""What they leave, no other command takes away."""
LEAVING = frozenset((_BEGINS, _WATCHES, *_ENDS, _UNWATCHES, *_FOR_GOOD))


class Left:
    """What the commands sent so far leave. A command that was refused is taken to have done what it says."""

    __slots__ = ("multi", "other", "watch")

    def __init__(self) -> None:
        self.multi = self.watch = self.other = False

    @property
    def anything(self) -> bool:
        """Whether there is something that the next visit must not find."""
        return self.multi or self.watch or self.other

    def sent(self, command: bytes) -> None:
        """A command was sent, whose name is in `LEAVING`."""
        if command == _BEGINS:
            self.multi = True
        elif command == _WATCHES:
            self.watch = True
        elif command in _ENDS:
            self.multi = self.watch = False
        elif command == _UNWATCHES:
            # Within MULTI it is queued, and does nothing.
            self.watch = self.watch and self.multi
        else:
            self.other = True
