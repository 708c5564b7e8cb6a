"""TLS of a load: what it trusts, what it offers, and why a handshake failed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence

from hinterland.errors import UsageError
from hinterland.model.load import LoadPlan, Target

# X509_V_ERR_... of OpenSSL, which `ssl` gives as numbers.
_VERIFY_WORDS = {
    9: "certificate not valid yet",
    10: "certificate expired",
    18: "unknown CA (the certificate signed itself)",
    19: "unknown CA (it signed itself)",
    20: "unknown CA",
    21: "unknown CA (the server sent no certificate of who signed its own)",
    62: "wrong host name",
    64: "wrong host name (the certificate does not name this IP address)",
}
_SAYS = re.compile(r"\[SSL[^\]]*\] ([^(]+?)\s*(?:\(|$)")
_REASON_WORDS = {
    "NO_PROTOCOLS_AVAILABLE": "no shared protocol version",
    "NO_SHARED_CIPHER": "no shared cipher",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "no shared cipher, or another refusal",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server refuses the client's certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the server says that the client's certificate expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the server does not accept the client's certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not know who signed the client's certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a certificate of the client",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "no shared protocol",
    "TLSV1_ALERT_PROTOCOL_VERSION": "no shared protocol version",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know this host name",
    "UNEXPECTED_EOF_WHILE_READING": "the server hung up in the handshake",
    "UNSUPPORTED_PROTOCOL": "no shared protocol version",
    "WRONG_VERSION_NUMBER": "the server does not speak TLS here",
}


def context_of(plan: LoadPlan, *protocols: str) -> ssl.SSLContext | None:
    """Returns what `context` does, None for a target that does not speak TLS."""
    return context(plan, protocols) if plan.target.tls else None


def context(plan: LoadPlan, protocols: Sequence[str]) -> ssl.SSLContext:
    """Returns what a load's connections need for TLS; `protocols` are offered by ALPN, the best first.

    Raises UsageError where `plan.ca_file` holds no certificates.
    """
    try:
        made = ssl.create_default_context(cafile=plan.ca_file or None)
    except OSError as error:  # An ssl.SSLError is one.
        raise UsageError(
            f"{plan.ca_file} is no file of certificates: {error.strerror or error}.",
            "Give a file in PEM with the certificate of whoever signed the server's.",
        ) from None
    if not plan.verify_tls:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(list(protocols))
    return made


def authority(target: Target) -> str:
    """Returns host and port as a request names them; a port that the scheme implies is left out."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (443 if target.tls else 80) else f"{host}:{target.port}"


def why(failure: ssl.SSLError) -> str:
    """Returns why a handshake failed, or an alert that came after it, in a few words."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _VERIFY_WORDS.get(failure.verify_code, failure.verify_message)
    # One that Python raises itself has none; of one that Python's table lacks, the text says it alone.
    reason = getattr(failure, "reason", None) or ""
    if not reason and (found := _SAYS.search(str(failure))):
        reason = found[1].upper().replace(" ", "_")
    return _REASON_WORDS.get(reason, reason.lower().replace("_", " ") or "it failed, and does not say why")
