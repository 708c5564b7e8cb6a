"""Why a connection did not open, or why it ended, as the code of a failure."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.recorder import (
    CLOSED,
    DNS,
    FILE_LIMIT,
    NO_PORT,
    REFUSED,
    RESET,
    TIMEOUT,
    UNREACHABLE,
)

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


def code_for(failure: OSError) -> int:
    """Returns the code of what kept a connection from opening; a TLS failure has its reason in words."""
    if isinstance(failure, ssl.SSLError):
        return code_of(f"tls: {why(failure)}")
    if isinstance(failure, socket.gaierror):
        return because(DNS, failure.strerror or "")
    for kind, code in (
        (ConnectionRefusedError, REFUSED),
        (ConnectionResetError, RESET),
        (BrokenPipeError, RESET),
        (TimeoutError, TIMEOUT),
    ):
        if isinstance(failure, kind):
            return code
    if failure.errno in _LIMITS:
        return _LIMITS[failure.errno]
    return because(UNREACHABLE, failure.strerror or str(failure))


_LIMITS = {errno.EMFILE: FILE_LIMIT, errno.ENFILE: FILE_LIMIT, errno.EADDRNOTAVAIL: NO_PORT}


def code_at_end(failure: Exception | None) -> int:
    """Returns the code of what ended an open connection: None is its end in good order.

    An alert of TLS may come after the handshake, and says more than the end that follows it.
    """
    if failure is None:
        return CLOSED
    if isinstance(failure, ssl.SSLError):
        return code_of(f"tls: {why(failure)}")
    if isinstance(failure, ConnectionResetError | BrokenPipeError) or not isinstance(failure, OSError):
        return RESET
    return because(RESET, failure.strerror or str(failure))


def why(failure: ssl.SSLError) -> str:
    """Returns why a handshake failed, or an alert that came after it, in a few words."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _VERIFY_WORDS.get(failure.verify_code, failure.verify_message)
    # One that Python raises itself has none; of one that Python's table lacks, the text says it alone.
    reason = getattr(failure, "reason", None) or ""
    if not reason and (found := _SAYS.search(str(failure))):
        reason = found[1].upper().replace(" ", "_")
    return _REASON_WORDS.get(reason, reason.lower().replace("_", " ") or "it failed, and does not say why")
