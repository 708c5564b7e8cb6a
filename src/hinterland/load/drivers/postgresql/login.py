"""How a session with PostgreSQL begins: what to answer to each demand for proof, and what went wrong."""

from __future__ import annotations

from hinterland.load.drivers.postgresql import messages as messages
from hinterland.load.drivers.postgresql.scram import MECHANISM, ScramClient, ScramFailure

OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
_OTHERS = {2: "Kerberos", 7: "GSSAPI", 9: "SSPI"}


class LoginFailure(Exception):
    """The session can't begin. The message says why, in the server's words where it has some."""


class Login:
    """The client's side of one login. A server that proves nothing where it should is not trusted."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._scram: ScramClient | None = None
        self._verified = False

    def answer(self, body: bytes) -> bytes:
        """Returns the answer to an authentication request, empty where none is due. Raises LoginFailure."""
        kind = int.from_bytes(body[:4], "big")
        rest = body[4:]
        if kind == OK:
            if self._scram is not None and not self._verified:
                raise LoginFailure("the server let us in without proving that it knows the password")
            return b""
        if kind in _OTHERS:
            raise LoginFailure(f"the server wants {_OTHERS[kind]}, which a load does not speak")
        if not self._password:
            raise LoginFailure(f"the server wants a password for user {self._user!r}; give one in the URL")
        if kind == CLEARTEXT:
            return messages.message(b"p", self._password.encode() + b"\0")
        if kind == MD5 and len(rest) == 4:
            return messages.message(b"p", messages.md5_password(self._user, self._password, rest) + b"\0")
        try:
            return self._sasl(kind, rest)
        except ScramFailure as failure:
            raise LoginFailure(f"SCRAM: {failure}") from None

    def _sasl(self, kind: int, rest: bytes) -> bytes:
        if kind == SASL:
            if MECHANISM.encode() not in rest.split(b"\0"):
                offered = rest.replace(b"\0", b" ").decode("utf-8", "replace").strip()
                raise LoginFailure(f"the server offers {offered}, not {MECHANISM}")
            self._scram = ScramClient(self._password)
            first = self._scram.first()
            return messages.message(b"p", MECHANISM.encode() + b"\0" + len(first).to_bytes(4, "big") + first)
        if kind == SASL_CONTINUE and self._scram is not None:
            return messages.message(b"p", self._scram.final(rest))
        if kind == SASL_FINAL and self._scram is not None:
            self._scram.verify(rest)
            self._verified = True
            return b""
        raise LoginFailure(f"the server wants proof of kind {kind}, which a load does not know")


def refusal(body: bytes) -> str:
    """Returns an ErrorResponse as words that name the SQLSTATE."""
    found = messages.fields(body)
    return f"SQLSTATE {found.get('C', '?')}: {found.get('M', 'no message')}"
