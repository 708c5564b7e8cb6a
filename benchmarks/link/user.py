"""Runs the benchmark again as an ordinary user, with a Python that this user can reach."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hinterland.errors import SetupError
from hinterland.rig.processes.accounts import Account, can_reach, unprivileged

SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def again(words: Sequence[str]) -> int:
    """Runs `python -m benchmarks.link` with `words` as the user nobody; returns its exit status.

    Raises SetupError when no Python of this version is within that user's reach.
    """
    account = unprivileged()
    if account is None:
        raise SetupError("--as-user is for root; you are an ordinary user already.", "Leave it out.")
    root = Path(__file__).resolve().parents[2]
    places = [root, root / "src", *map(Path, sys.path)]
    reachable = [str(place) for place in places if place.is_dir() and can_reach(place, account)]
    environment = {
        **os.environ,
        "HOME": "/tmp",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(reachable)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [_python(account), "-m", "benchmarks.link", *words],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        env=environment,
        cwd="/tmp",
        check=False,
    )
    return done.returncode


def _python(account: Account) -> str:
    for candidate in (sys.executable, *SYSTEM_PYTHONS):
        real = Path(candidate).resolve()
        if real.exists() and can_reach(real.parent, account) and _version(candidate) == sys.version_info[:2]:
            return candidate
    raise SetupError(
        f"{sys.executable}: the user {account.name} can't reach it, nor another Python of its version.",
        "Log in as an ordinary user and run python -m benchmarks.link there.",
    )


def _version(python: str) -> tuple[int, ...]:
    ask = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", ask], stdout=subprocess.PIPE, text=True, check=False)
    return tuple(map(int, done.stdout.split()))
