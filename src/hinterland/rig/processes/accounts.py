"""Which user a program runs as. Some servers, PostgreSQL among them, refuse to run as root."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from hinterland.errors import SetupError


class Account(NamedTuple):
    """A user of this machine with its main group."""

    name: str
    uid: int
    gid: int


def unprivileged(*preferred: str) -> Account | None:
    """Returns the user that servers run as: the first of `preferred` that exists, else `nobody`.

    None means: our own user, because we are not root. Raises SetupError when root finds no such user.
    """
    if os.geteuid() != 0:
        return None
    for name in (*preferred, "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise SetupError(
        "Root finds no user `nobody`, and PostgreSQL refuses to run as root.",
        "Run hinterland as an ordinary user, or: useradd --system nobody",
    )


def can_reach(folder: Path, account: Account | None) -> bool:
    """Decides whether `account` may enter `folder` by its modes; None stands for our own user."""
    if account is None:
        return os.access(folder, os.X_OK)
    resolved = folder.resolve()
    return all(_may_enter(each, account) for each in (resolved, *resolved.parents))


def _may_enter(folder: Path, account: Account) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
