"""The client's half of SCRAM-SHA-256, which proves a password without sending it.

Sources: RFC 5802 (SCRAM) and RFC 7677 (with SHA-256); RFC 4013 (SASLprep) for passwords beyond ASCII. A
PostgreSQL server takes the user from the start of the session, so the name in the exchange is empty.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from functools import lru_cache

MECHANISM = "SCRAM-SHA-256"
ITERATIONS_MOST = 1_000_000
"""About half a second of work; a server that asks for more would only hold the load up."""
_NO_BINDING = "n,,"


class ScramFailure(Exception):
    """The server's part is not right: it does not know the password, or does not speak SCRAM."""


class ScramClient:
    """One exchange: `first()`, then `final(server's first)`, then `verify(server's final)`."""

    def __init__(self, password: str, *, user: str = "", nonce: str = "") -> None:
        self._password = prepared(password)
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={self._nonce}"
        self._server_signature = b""

    def first(self) -> bytes:
        """Returns the client's first message."""
        return f"{_NO_BINDING}{self._bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        """Returns the client's final message with the proof. Raises ScramFailure."""
        fields = _fields(server_first)
        try:
            nonce, salt = fields["r"], base64.b64decode(fields["s"], validate=True)
            iterations = int(fields["i"])
        except (KeyError, ValueError):
            raise ScramFailure("its first message is not SCRAM's") from None
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ScramFailure("it answers with a nonce that is not ours")
        if not 1 <= iterations <= ITERATIONS_MOST:
            raise ScramFailure(f"it asks for {iterations} iterations")
        salted = _salted(self._password, salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        unproved = f"c={base64.b64encode(_NO_BINDING.encode()).decode()},r={nonce}"
        spoken = b",".join((self._bare.encode(), server_first, unproved.encode()))
        signature = _hmac(hashlib.sha256(client_key).digest(), spoken)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._server_signature = _hmac(_hmac(salted, b"Server Key"), spoken)
        return f"{unproved},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        """Checks that the server knows the password, too. Raises ScramFailure."""
        fields = _fields(server_final)
        if "e" in fields:
            raise ScramFailure(fields["e"])
        signature = base64.b64encode(self._server_signature).decode()
        if not self._server_signature or not hmac.compare_digest(
            fields.get("v", "").encode(), signature.encode()
        ):
            raise ScramFailure("its signature is wrong: it does not know the password")


def prepared(password: str) -> bytes:
    """Returns the password after SASLprep, as UTF-8.

    One that SASLprep forbids stays as it is, as in PostgreSQL.
    """
    if password.isascii():
        return password.encode()
    mapped = "".join(
        " " if stringprep.in_table_c12(sign) else sign
        for sign in password
        if not stringprep.in_table_b1(sign)
    )
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    return password.encode() if _forbidden(normal) else normal.encode()


def _forbidden(text: str) -> bool:
    tables = (
        stringprep.in_table_a1,
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if not text or any(table(sign) for table in tables for sign in text):
        return True
    right_to_left = [stringprep.in_table_d1(sign) for sign in text]
    if not any(right_to_left):
        return False
    mixed = any(stringprep.in_table_d2(sign) for sign in text)
    return mixed or not (right_to_left[0] and right_to_left[-1])


@lru_cache(maxsize=64)
def _salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    """The slow part, milliseconds of it: the same for all connections of a user, so done once."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _fields(message: bytes) -> dict[str, str]:
    parts = message.decode("utf-8", "replace").split(",")
    return {name: value for name, _, value in (part.partition("=") for part in parts)}
