"""What a lane sends, and where it gets it from."""

from __future__ import annotations

from typing import Protocol

from hinterland.clients.message import Response


class Outgoing:
    """A request that is ready to go, built once and sent as often as it is asked for.

    `kind` is the place of its name in `Requests.kinds`. `wire` is the whole HTTP/1.1 request, or the payload
    of a protocol that has no more (TCP, UDP, a WebSocket message, a statement, a Redis command in RESP).
    HTTP/2 and HTTP/3 build theirs from the parts and keep it in `built`; a statement with values has them
    there from the start, as `postgresql_statement.Bound`. `reads` says that the answer's headers and body are
    wanted, for a check or for what follows; a lane calls `judge` with them then, and may skip them else.
    `visit` is None where `judge` depends on nothing but the answer: the same answer is as good each time.
    `of_several` says that a visit has more requests than this one, which need each other.
    """

    __slots__ = ("body", "built", "headers", "kind", "method", "of_several", "path", "reads", "visit", "wire")

    def __init__(
        self,
        wire: bytes,
        *,
        kind: int = 0,
        method: str = "GET",
        path: str = "/",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        reads: bool = False,
    ) -> None:
        self.wire, self.kind = wire, kind
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.reads = reads
        self.built: object = None
        self.visit: object = None
        self.of_several = False


class Rows:
    """The rows of a file of data. `names`: its columns. `columns`: the values of those that were wanted."""

    def __init__(self, file: str, names: tuple[str, ...], columns: dict[str, list[str]], count: int) -> None:
        self.file, self.names, self.columns, self.count = file, names, columns, count


class Requests(Protocol):
    """The requests of a load, one visit after the other.

    `kinds`: their names, at most 256. `any_status`: for each kind, whether its checks judge the status
    themselves; else a status of 400 or more is no good answer. `constant` is the only request there is, where
    all visits are that one: loops then never ask again. `rows`: the data that values come from.
    """

    kinds: tuple[str, ...]
    any_status: tuple[bool, ...]
    constant: Outgoing | None
    rows: Rows | None

    def begin(self, visit: int) -> Outgoing:
        """Returns the first request of a visit, numbered from 0 over all processes."""

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        """Returns what is wrong with an answer, empty if nothing; remembers what later requests need."""

    def then(self, outgoing: Outgoing) -> Outgoing | None:
        """Returns the request that follows in the visit, None when it is complete.

        It is asked after a good answer; an answer that is not good ends the visit.
        """


class Constant:
    """The same request for every visit, whose answer nobody reads."""

    def __init__(self, outgoing: Outgoing, name: str = "") -> None:
        self.kinds: tuple[str, ...] = (name or f"{outgoing.method} {outgoing.path}",)
        self.any_status: tuple[bool, ...] = (False,)
        self.constant: Outgoing | None = outgoing
        self.rows: Rows | None = None
        self._outgoing = outgoing

    def begin(self, visit: int) -> Outgoing:
        return self._outgoing

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        return ""

    def then(self, outgoing: Outgoing) -> Outgoing | None:
        return None
