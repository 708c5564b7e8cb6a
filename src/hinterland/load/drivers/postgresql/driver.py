"""PostgreSQL queries as operations: one session each, over its own wire protocol, prebuilt bytes.

A request is a simple query (`outgoing.wire`, the statement), or one with parameters (`outgoing.built`, a
`Bound`): Parse once in each session, then Bind, Execute and Sync in one write. Its answer ends with
ReadyForQuery.
"""

from __future__ import annotations

import ssl

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import Response
from hinterland.load.drivers.postgresql import messages as messages
from hinterland.load.drivers.postgresql import state as state
from hinterland.load.drivers.postgresql.login import Login, LoginFailure, refusal
from hinterland.load.drivers.postgresql.messages import MessageReader, NotPostgreSQL
from hinterland.load.drivers.postgresql.statement import Bound, Prepared
from hinterland.load.drivers.postgresql.tls import NO, YES, Negotiation
from hinterland.load.drivers.transport.remembered import Remembered
from hinterland.load.drivers.transport.socket_lane import KEPT_BYTES, REMEMBERED_BYTES, SocketLane, not_spoken
from hinterland.load.drivers.transport.tls import context_of
from hinterland.load.engine.failures import because, code_of, note
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL
from hinterland.load.plan.plan import LoadPlan

R, K, Z, S, N, A, E, D, G = b"RKZSNAEDG"
PARSED = ord("1")
ANY_TIME = frozenset(b"NSA")
"""Notices, changed settings, notifications: a server may send them whenever it likes."""
BEFORE_READY = frozenset(b"SNv")
ROWS = frozenset(b"TDC")
LEFT_OPEN = "a visit ended inside a transaction, which was rolled back"
PASSED_OVER = frozenset(b"TCI23nstHdc")


class PostgreSQLLane(SocketLane):
    """One session. An ErrorResponse fails the operation as `SQLSTATE 23505`, and the session goes on.

    What a visit leaves open is rolled back, and what it changed of the session discarded, before the next one
    begins. Behind a pooler, statements have no names, and the session is not ours to discard. For a check,
    the body is the rows: a line each, columns with tabs between, up to `KEPT_BYTES`.
    """

    def __init__(
        self,
        number: int,
        plan: LoadPlan,
        listener: Listener,
        requests: Requests,
        remembered: Remembered,
        *,
        new_socket: SocketMaker | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        self._remembered = remembered
        constant = requests.constant
        self._binds = constant is None or isinstance(constant.built, Bound)

    # Greeting.

    async def connect(self) -> None:
        if self._tls is None:
            await self.dial(lambda: self)
            return
        negotiation = await self.dial(Negotiation)
        try:
            answer = await negotiation.answer
            if answer == YES:
                await negotiation.handshake(self._tls, self._target.host, self)
                return
        except BaseException:
            negotiation.abort()
            raise
        negotiation.abort()
        # More than the one byte would be someone's words from before the encryption.
        if answer == NO:
            self.refuse(code_of("tls: this PostgreSQL has none"))
        else:
            self.refuse(not_spoken("PostgreSQL", answer) if answer else CLOSED)

    def greet(self) -> bytes:
        user = self._target.user or "postgres"
        self._login = Login(user, self._target.password)
        self._reader = MessageReader()
        self._prepared = Prepared()
        self._extended = self._touched = self._well = False
        self._status = state.IDLE
        self._key, self._pooled, self._asked_who = b"", False, False
        self._fresh()
        return messages.startup(user, self._target.database)

    def greeting(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while found := self._reader.take():
                kind, body = found
                if kind == R:
                    self.write(self._login.answer(body))
                elif kind == K:
                    self._key = body[:4]
                elif kind == Z:
                    if self._knows_who_answers():
                        self.welcome()
                        return
                elif self._asked_who and kind in ROWS:
                    self._read_who_answers(body)
                elif kind == E:
                    # One who does not know the question is no PostgreSQL, and may be a pooler of any kind.
                    if not self._asked_who:
                        self.refuse(code_of(refusal(body)))
                elif kind not in BEFORE_READY:
                    raise NotPostgreSQL(chr(kind))
        except LoginFailure as failure:
            self.refuse(code_of(f"login: {failure}"))
        except NotPostgreSQL:
            self.refuse(not_spoken("PostgreSQL", data))

    def _knows_who_answers(self) -> bool:
        """Asks which process answers, where it matters, the first time."""
        if self._asked_who or not self._binds:
            if self._pooled:
                self._prepared.do_without_names()
            return True
        self._asked_who = self._pooled = self._reader.keep = True
        self.write(state.WHO_ANSWERS)
        return False

    def _read_who_answers(self, body: bytes) -> None:
        """The process that the session was told of answers by itself: there is no pooler in between."""
        if self._key and body and messages.row(body).strip() == b"%d" % int.from_bytes(self._key, "big"):
            self._pooled = False

    # Between two visits.

    def undo(self) -> bytes:
        if self._status == state.IN_TRANSACTION and self._well:
            note(LEFT_OPEN)
        words = [state.ROLLBACK] if self._status != state.IDLE else []
        if self._touched:
            self._prepared.forget()
            words.append(state.DISCARD_ALL)
        self._undoing = len(words)
        return b"".join(words)

    def undone(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while found := self._reader.take():
                kind, body = found
                if kind == E:
                    self.abort()
                    return
                if kind == Z:
                    self._undoing -= 1
                    self._status = body
        except NotPostgreSQL:
            self.abort()
            return
        if not self._undoing:
            self._touched = False
            self.cleaned()

    # Operations.

    def _fresh(self) -> None:
        """Makes ready for the next answer."""
        self._untouched = True
        self._parsed = False
        self._error = 0
        self._rows = bytearray()

    def send(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._reader.keep = outgoing.reads
        self._well = True
        built = outgoing.built
        self._extended = isinstance(built, Bound)
        self._leave(built.text if isinstance(built, Bound) else outgoing.wire)
        if isinstance(built, Bound):
            self.write(self._prepared.wire(built))
            return
        if not isinstance(built, bytes):
            outgoing.built = built = messages.query(outgoing.wire)
        self.write(built)

    def _leave(self, statement: bytes) -> None:
        """Notes what a statement leaves in the session."""
        if state.leaves_something(statement) and not self._pooled:
            self._touched = self.dirty = True
            if state.forgets_names(statement):
                self._prepared.forget()

    def fail(self, error: int) -> None:
        self._well = False
        super().fail(error)

    def received(self, data: bytes) -> None:
        if (
            self._untouched
            and data == self._remembered.data
            and self.operation >= 0
            and self._outgoing is not None
            and not self._outgoing.reads
            and self._reader.idle
        ):
            self._stands(state.IDLE)
            self.done()
            return
        alone = self._untouched and self._reader.idle
        self._reader.feed(data)
        try:
            answered = self._read()
        except NotPostgreSQL as failure:
            self.end(because(PROTOCOL, f"no message of PostgreSQL: {failure}"))
            return
        if answered and self.ready:
            self._complete(data, alone and self._reader.idle)

    def _read(self) -> bool:
        """Takes what came; returns whether it completes the answer."""
        answered = False
        while found := self._reader.take():
            kind, body = found
            if kind in ANY_TIME:
                continue
            if kind == E:
                self._wrong(body, under_way=self.operation >= 0 and not answered)
            elif answered or self.operation < 0:
                self.surplus()
                return False
            elif kind == Z:
                answered = True
                self._stands(body)
            elif kind == D:
                self._rows += messages.row(body)[: KEPT_BYTES - len(self._rows)] if body else b""
            elif kind == PARSED:
                self._parsed = True
                self._prepared.accepted()
            elif kind == G:
                self.reply(messages.COPY_FAIL + (messages.SYNC if self._extended else b""))
            elif kind not in PASSED_OVER:
                raise NotPostgreSQL(chr(kind))
            self._untouched = answered
        return answered

    def _stands(self, status: bytes) -> None:
        """Notes whether a transaction is open after an answer."""
        self._status = status
        self.dirty = self._touched or self._only_once or status != state.IDLE

    def _wrong(self, body: bytes, *, under_way: bool) -> None:
        found = messages.fields(body)
        if found.get("C") in (state.TAKEN, state.UNKNOWN) and self._extended:
            self._prepared.do_without_names()
        code = code_of(f"SQLSTATE {found.get('C', '?')}", found.get("M", ""))
        if under_way and not self._error:
            self._error = code
        if found.get("V", found.get("S")) in ("FATAL", "PANIC"):
            self.farewell(code)

    def _complete(self, data: bytes, whole: bool) -> None:
        error, body, parsed = self._error, bytes(self._rows), self._parsed
        self._fresh()
        if error:
            self.fail(error)
            return
        if whole and not parsed and self._status == state.IDLE and len(data) <= REMEMBERED_BYTES:
            self._remembered.keep(data)
        self.judge(Response(0, {}, body))


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection; they share the last answer, and nothing else."""
    remembered, tls = Remembered(), context_of(plan, "postgresql")
    return [
        PostgreSQLLane(number, plan, listener, requests, remembered, new_socket=new_socket, tls=tls)
        for number in range(connections)
    ]
