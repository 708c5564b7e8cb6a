"""A certificate for the servers of a run: made anew, its key kept in the run's private cache."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hinterland.errors import SetupError

LIFE = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM. The certificate signs itself, so it is also what a client has to trust."""

    path: Path
    key_path: Path


def certificate(cache: Path, names: Sequence[str]) -> Certificate:
    """Returns a certificate (ECDSA, P-256) for `names`, host names or IP addresses; made once for a cache.

    Raises SetupError when the package cryptography is not installed.
    """
    title = "-".join(names).replace(":", "_")
    made = Certificate(cache / f"{title}.crt", cache / f"{title}.key")
    if made.path.exists() and made.key_path.exists():
        return made
    try:
        certificate_pem, key_pem = _make(names)
    except ImportError as error:
        raise SetupError(
            "cryptography is not installed; certificates need it.", "pip install cryptography"
        ) from error
    for path, content in ((made.key_path, key_pem), (made.path, certificate_pem)):
        # Two makers may meet: each writes a file of its own, and the last rename wins as a whole.
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(path)
    return made


def _make(names: Sequence[str]) -> tuple[bytes, bytes]:
    """Returns a certificate that signs itself, and its key, both in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    also = x509.SubjectAlternativeName([_name(name) for name in names])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of one machine agree, but a certificate from this very second looks like one of the future.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(also, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, *private),
    )


def _name(name: str):  # type: ignore[no-untyped-def]  # cryptography is imported only where it is used.
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
