"""Why a handshake failed, in words, and what a load needs for TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from hinterland.errors import UsageError
from hinterland.load.drivers.transport import tls
from hinterland.load.engine.connection_failures import code_for, why
from hinterland.load.engine.failures import words_of
from hinterland.load.plan.plan import LoadPlan, Target


def plan(port: int = 443, host: str = "example.org", *, secure: bool = True, **options: object) -> LoadPlan:
    target = Target(url="", protocol="http1", host=host, port=port, tls=secure)
    return LoadPlan(target=target, **options)  # type: ignore[arg-type]


def unverified(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "certificate not valid yet"),
        (10, "certificate expired"),
        (20, "unknown CA"),
        (62, "wrong host name"),
        (23, "certificate revoked"),
    ],
)
def test_a_certificate_that_is_not_believed(code: int, words: str) -> None:
    error = unverified(code, "certificate revoked")
    assert why(error) == words
    assert words_of(code_for(error)) == f"tls: {words}"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "the server does not speak TLS here"),
        ("TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "no shared protocol"),
        ("SOMETHING_NEW", "something new"),
        (None, "it failed, and does not say why"),
    ],
)
def test_a_handshake_that_fails(reason: str | None, words: str) -> None:
    error = ssl.SSLError(1, "")
    if reason is not None:
        error.reason = reason
    assert why(error) == words


def test_the_authority_leaves_out_the_port_that_the_scheme_implies() -> None:
    assert tls.authority(plan(443).target) == "example.org"
    assert tls.authority(plan(80, secure=False).target) == "example.org"
    assert tls.authority(plan(80).target) == "example.org:80"
    assert tls.authority(plan(8443, "::1").target) == "[::1]:8443"


def test_a_file_without_certificates_is_said_before_the_load(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("not a certificate")
    for name in (empty, tmp_path / "missing.pem"):
        with pytest.raises(UsageError, match=name.name):
            tls.context(plan(ca_file=str(name)), ["h2"])


def test_who_does_not_verify_says_so() -> None:
    assert tls.context(plan(), ["h2"]).verify_mode == ssl.CERT_REQUIRED
    context = tls.context(plan(verify_tls=False), ["h2"])
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[SSL] tlsv1 alert no application protocol (_ssl.c:1006)", "no shared protocol"),
        ("[SSL: SOMETHING_NEW] something new (_ssl.c:1)", "something new"),
        ("[SSL] tlsv13 alert certificate required", "the server wants a certificate of the client"),
        ("what Python says itself", "it failed, and does not say why"),
    ],
)
def test_an_alert_that_python_has_no_name_for_is_read_from_its_text(text: str, words: str) -> None:
    assert why(ssl.SSLError(1, text)) == words
