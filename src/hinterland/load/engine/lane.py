"""A lane: what carries one operation at a time. A connection of its own, or one stream of a shared one."""

from __future__ import annotations

from typing import Protocol

from hinterland.load.engine.outgoing import Outgoing

IDLE = -1


class Lane(Protocol):
    """Carries operations for a loop. Every driver offers this, whatever it speaks.

    `number` is its place among the lanes of its process. `operation` names the one that it carries, or is
    IDLE; the loop sets it before `send`, and may give it another name between two calls: read it when you
    need it. `ready`: an operation may be sent now. `alive`: from its opening until it is gone and may be
    opened again, when it calls the listener's `closed`. `connects`: its last `open` made a connection, and
    did not join one. `bytes_received` grows from the start to the end. `dirty`: its visit left something on
    the connection (an open transaction, a setting) that the next one must not find; the loop calls `clean`
    then.
    """

    number: int
    operation: int
    ready: bool
    alive: bool
    connects: bool
    surplus_answers: int
    bytes_received: int
    dirty: bool

    async def open(self, timeout_s: float) -> int:
        """Opens it, or joins the shared connection. Returns 0 or an error (`failures.words_of`)."""

    def send(self, outgoing: Outgoing) -> None:
        """Sends the request now, in this call; the time noted just before is that of sending."""

    def end(self, error: int) -> None:
        """Gives up the operation under way because of `error`, and what can't be used after that."""

    def abort(self) -> None:
        """Closes it without waiting for anything."""

    def clean(self) -> None:
        """Undoes what the visit that is over has left. The lane calls the listener's `cleaned` then, or its
        `closed` where only another connection is clean.
        """


class Stateless:
    """A lane whose connection keeps nothing of a visit."""

    __slots__ = ()
    dirty: bool = False

    def clean(self) -> None:
        """There is nothing to undo."""


class Listener(Protocol):
    """The loop, as a lane sees it."""

    def answered(self, lane: Lane, status: int) -> None:
        """The operation was answered and the lane is free. May call `lane.send` before it returns."""

    def failed(self, lane: Lane, status: int, error: int) -> None:
        """The operation was answered, but not as it must be (`failures.code_of`); the lane is free."""

    def unanswered(self, lane: Lane, error: int) -> None:
        """No answer to the operation will come or count; the lane is free."""

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        """The operation ended, answered (error 0) or not, and its lane with it."""

    def closed(self, lane: Lane) -> None:
        """The lane is gone and may be opened again."""

    def passed(self, lane: Lane, *, done_ns: int, status: int, error: int) -> None:
        """The operation was answered, and the lane is not free: its visit decides by itself what follows."""

    def goes_on(self, lane: Lane, outgoing: Outgoing) -> None:
        """The lane's visit sends a request now: its first, which was due with it, or another, due now."""

    def freed(self, lane: Lane) -> None:
        """The lane's visit is over, and the lane is free. May call `lane.send` before it returns."""

    def cleaned(self, lane: Lane) -> None:
        """What a visit had left on the lane is undone. May call `lane.send` before it returns."""

    def record(
        self, lane: Lane, *, kind: int, intended_ns: int, sent_ns: int, done_ns: int, status: int, error: int
    ) -> None:
        """Counts an operation that nobody asked the lane for: an event that a subscriber received, a request
        of a scenario. `done_ns` is UNFINISHED (-1) where there was no answer, and `error` says why.
        """
