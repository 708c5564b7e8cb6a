"""The consent token of a host: derived from a secret of this user, so that it can be printed again at any
time."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from hinterland.errors import SetupError

SECRET = "consent.key"
SECRET_BYTES = 32
PREFIX = "hinterland-consent-"


def token_for(host: str, state: Path | None = None) -> str:
    """Returns the token that `host` must serve for this user's loads: 160 bits of an HMAC of its name.

    Host names are compared without case and final dot. `state`: the folder of the secret, which is made
    there when there is none. Raises SetupError where it can't be kept, or others may read it.
    """
    name = host.strip("[]").rstrip(".").lower()
    secret = secret_of(state_folder() if state is None else state)
    return PREFIX + hmac.new(secret, f"host {name}".encode(), hashlib.sha256).hexdigest()[:40]


def state_folder() -> Path:
    """Returns where this user's state is kept: the XDG state folder."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(state).expanduser() / "hinterland"
    except RuntimeError as error:
        raise SetupError(
            "There is no home folder to keep the secret of consent tokens in.",
            "Set XDG_STATE_HOME to a folder.",
        ) from error


def secret_of(folder: Path) -> bytes:
    """Returns the secret in a folder, made where there is none. Raises SetupError where it can't be kept."""
    path = folder / SECRET
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unkept(path, error) from error
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise _unkept(path, error) from error


def _read(path: Path) -> bytes:
    """Returns the secret, if it is this user's alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise SetupError(
                f"{path} is open to other users, and consent tokens are made from it.",
                f"Delete it; the next load makes a new one, with new tokens: rm {path}",
            )
        secret = file.read(SECRET_BYTES + 1)
    if len(secret) != SECRET_BYTES:
        raise SetupError(
            f"{path} holds {len(secret)} bytes instead of {SECRET_BYTES}.",
            f"Delete it; the next load makes a new one: rm {path}",
        )
    return secret


def _make(path: Path) -> None:
    """Writes a new secret whole, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{SECRET}-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _unkept(path: Path, error: OSError) -> SetupError:
    return SetupError(
        f"The secret of consent tokens can't be kept in {path}: {error.strerror}.",
        "Make the folder writable, or set XDG_STATE_HOME to another.",
    )
