"""A statement with parameters: prepared once in each session, then only bound to its values."""

from __future__ import annotations

from typing import NamedTuple

from hinterland.load.drivers.postgresql.messages import EXECUTE, SYNC, bind, parse

PREPARED_MOST = 256
"""Statements that one session keeps prepared; those beyond are prepared anew each time."""


class Bound(NamedTuple):
    """SQL with `$1`, `$2` ... and its values, as text; None is NULL. `Outgoing.built` carries it."""

    text: bytes
    values: tuple[bytes | None, ...]


class Prepared:
    """The statements that one session has prepared; without names it prepares each time what it runs.

    Behind a pooler a name belongs to a session that others use as well. What stands without one, in one
    write with its Bind and its Execute, is nobody's but this request's.
    """

    def __init__(self, *, named: bool = True) -> None:
        self._names: dict[bytes, bytes] = {}
        self._named, self._given = named, 0
        self._offered: tuple[bytes, bytes] | None = None

    def wire(self, bound: Bound) -> bytes:
        """Returns what runs it, all in one write: with a Parse in front unless it is prepared."""
        name = self._names.get(bound.text)
        self._offered = None
        if name is not None:
            return bind(name, bound.values) + EXECUTE + SYNC
        named = self._named and len(self._names) < PREPARED_MOST
        name = b"h%d" % self._given if named else b""
        self._offered = (bound.text, name)
        return parse(name, bound.text) + bind(name, bound.values) + EXECUTE + SYNC

    def accepted(self) -> None:
        """The server says that the Parse was well: the name is taken, whatever becomes of the rest."""
        if self._offered is not None and self._offered[1]:
            self._names[self._offered[0]] = self._offered[1]
            self._given += 1
        self._offered = None

    def forget(self) -> None:
        """Whatever was prepared may be gone. No name is given twice: it may be there yet."""
        self._names.clear()

    def do_without_names(self) -> None:
        """Names are not this session's alone."""
        self._named = False
        self.forget()
