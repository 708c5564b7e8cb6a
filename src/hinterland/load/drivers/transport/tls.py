"""TLS of a load: what it trusts and what it offers."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from hinterland.errors import UsageError
from hinterland.load.plan.plan import LoadPlan, Target


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
    if plan.cert_file:
        _identify(made, plan)
    if not plan.verify_tls:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(list(protocols))
    return made


def _identify(context: ssl.SSLContext, plan: LoadPlan) -> None:
    """Gives the client's certificate to the context. Raises UsageError for one that is none."""
    asked: list[bool] = []

    def password() -> bytes:
        asked.append(True)
        return b""

    try:
        context.load_cert_chain(plan.cert_file, plan.key_file or None, password)
    except (OSError, ValueError) as error:
        files = plan.cert_file + (f" and {plan.key_file}" if plan.key_file else "")
        if asked:
            raise UsageError(
                f"{files}: the key has a password, which a load is not told.",
                "Give one without: openssl pkey -in KEY -out PLAIN",
            ) from None
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UsageError(
            f"{files}: that is no certificate with its key: {str(why).lower().replace('_', ' ')}.",
            "Give both in PEM: --cert FILE --key FILE; one file may hold both.",
        ) from None


def authority(target: Target) -> str:
    """Returns host and port as a request names them; a port that the scheme implies is left out."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (443 if target.tls else 80) else f"{host}:{target.port}"
