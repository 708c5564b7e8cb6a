"""The events that a subscriber receives, as operations: from the time written in an event to its receipt.

An event is a JSON object with one of these times; other fields are passed over:

- `sent_ns`, or `t_ns`: a whole number, ns of CLOCK_MONOTONIC, for a server on the same machine;
- `ts`: a number, ms of CLOCK_REALTIME, as exact as the two machines' clocks agree.

`id`, where it is a whole number that grows by one with each event, tells what was lost: an operation without
an answer for each number left out. An event stream may give the id in its own `id:` line instead.
"""

from __future__ import annotations

import time

import msgspec

from hinterland.load.engine.failures import code_of
from hinterland.load.engine.lane import Lane, Listener
from hinterland.model.history import UNFINISHED

GAP_MOST = 10_000
"""A gap wider than this is no loss: the numbers are not those of the events one after the other."""
AGE_MOST_NS = 3_600 * 1_000_000_000
"""An event older than an hour carries a time of another clock, or in another unit."""
EARLY_MOST_NS = 1_000_000
"""How far in the future an event may lie: `ts` may be rounded up to the next ms."""

NOT_AN_EVENT, NO_TIME = "not an event", "event without a time"
OTHER_CLOCK, LOST, NOT_NEW = "event with another clock's time", "lost", "event repeated or out of order"
NOT_IN_TURN = "ids that leap"


class Event(msgspec.Struct):
    """What is read of an event."""

    sent_ns: int | None = None
    t_ns: int | None = None
    ts: float | None = None
    id: int | str | None = None


_decode = msgspec.json.Decoder(Event).decode


class Subscription:
    """What one subscriber received. The last id outlives a connection: what was missed meanwhile counts."""

    def __init__(self, lane: Lane, listener: Listener) -> None:
        self._lane, self._listener = lane, listener
        self._last_id: int | None = None
        self._joined = True

    def joined(self) -> None:
        """A new connection begins: a server that was started anew may count from 1 again."""
        self._joined = True

    def event(self, data: bytes | str, stream_id: str = "") -> None:
        """Counts an event that has just come, and those that are missing before it."""
        now = time.monotonic_ns()
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            self._record(now, now, NOT_AN_EVENT)
            return
        sent_ns, wrong = self._sent_ns(event, now), ""
        if sent_ns is None:
            sent_ns, wrong = now, NO_TIME
        elif not -EARLY_MOST_NS <= now - sent_ns <= AGE_MOST_NS:
            sent_ns, wrong = now, OTHER_CLOCK
        sent_ns = min(sent_ns, now)
        # An event without a good time was received all the same: its number is not missing.
        out_of_turn = self._in_turn(_number(event.id, stream_id), sent_ns)
        self._record(sent_ns, now, wrong or out_of_turn)

    def cut_off(self, error: int) -> None:
        """Counts that the subscription broke: an operation without an answer."""
        now = time.monotonic_ns()
        self._listener.record(
            self._lane, kind=0, intended_ns=now, sent_ns=now, done_ns=UNFINISHED, status=0, error=error
        )

    def _in_turn(self, number: int | None, sent_ns: int) -> str:
        """Counts what is missing before an event; returns what is wrong with its number."""
        last, joined = self._last_id, self._joined
        self._joined = False
        if number is None:
            return ""
        if last is not None and number <= last:
            if not joined:
                return NOT_NEW
            last = None
        self._last_id = number
        if last is None:
            return ""
        missing = number - last - 1
        if missing > GAP_MOST:
            return NOT_IN_TURN
        for _ in range(missing):
            # When it was published nobody here knows; the event behind it is the nearest.
            self._record(sent_ns, UNFINISHED, LOST)
        return ""

    def _sent_ns(self, event: Event, now: int) -> int | None:
        if event.sent_ns is not None:
            return event.sent_ns
        if event.t_ns is not None:
            return event.t_ns
        if event.ts is not None:
            return now - (time.time_ns() - round(event.ts * 1e6))
        return None

    def _record(self, sent_ns: int, done_ns: int, wrong: str) -> None:
        self._listener.record(
            self._lane,
            kind=0,
            intended_ns=sent_ns,
            sent_ns=sent_ns,
            done_ns=done_ns,
            status=0,
            error=code_of(wrong) if wrong else 0,
        )


def _number(given: int | str | None, stream_id: str) -> int | None:
    """Returns the number of an event, None where it has none."""
    if isinstance(given, int):
        return given
    text = given if given is not None else stream_id
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
