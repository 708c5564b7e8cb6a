"""SCRAM-SHA-256 against the exchange that RFC 7677 prints, and against servers that are not right."""

from __future__ import annotations

import pytest

from hinterland.load.drivers.postgresql.scram import ScramClient, ScramFailure, prepared

# RFC 7677, section 3.
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def client() -> ScramClient:
    return ScramClient("pencil", user="user", nonce=NONCE)


def test_the_exchange_of_the_rfc() -> None:
    scram = client()
    assert scram.first() == b"n,,n=user,r=" + NONCE.encode()
    assert scram.final(SERVER_FIRST) == CLIENT_FINAL
    scram.verify(SERVER_FINAL)


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"garbage", "not SCRAM's"),
        (b"", "not SCRAM's"),
        (SERVER_FIRST.replace(b"i=4096", b"i=many"), "not SCRAM's"),
        (SERVER_FIRST.replace(b"s=W22", b"s=\xff"), "not SCRAM's"),
        (SERVER_FIRST.replace(b"r=rOp", b"r=xOp"), "nonce"),
        (b"r=" + NONCE.encode() + b",s=QQ==,i=4096", "nonce"),
        (SERVER_FIRST.replace(b"i=4096", b"i=2000000000"), "iterations"),
        (SERVER_FIRST.replace(b"i=4096", b"i=0"), "iterations"),
    ],
)
def test_a_first_message_that_is_not_right(first: bytes, says: str) -> None:
    with pytest.raises(ScramFailure, match=says):
        client().final(first)


@pytest.mark.parametrize(
    "final", [b"", b"v=", b"v=AAAA", SERVER_FINAL[:-2] + b"A=", b"e=invalid-proof", b"v=\xff\xfe"]
)
def test_a_server_that_does_not_know_the_password(final: bytes) -> None:
    scram = client()
    scram.final(SERVER_FIRST)
    with pytest.raises(ScramFailure):
        scram.verify(final)


def test_a_server_can_not_skip_the_exchange() -> None:
    with pytest.raises(ScramFailure):
        client().verify(b"v=")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("pencil", b"pencil"),
        # RFC 4013, section 3: examples 1, 4 and 5.
        ("I\u00adX", b"IX"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("a\u00a0b", b"a b"),
        # Forbidden ones stay: a control sign, and right-to-left followed by a digit (examples 6 and 7).
        ("\u0627\u0031", "\u0627\u0031".encode()),
        ("\u00fc\u0007", "\u00fc\u0007".encode()),
        ("\u00fcber", "\u00fcber".encode()),
    ],
)
def test_passwords_are_prepared(password: str, expected: bytes) -> None:
    assert prepared(password) == expected
