"""Which version a program says it has."""

from __future__ import annotations

import os
import re
from pathlib import Path

VERSION_TIMEOUT_S = 5.0
NUMBER = re.compile(r"\d+(?:\.\d+)+")


def program_version(path: Path) -> str:
    """Returns the version that the program says it has, empty when it says none."""
    return version_in(_ask(path))


def version_in(text: str) -> str:
    """Returns the first dotted number of `text`, empty if there is none."""
    found = NUMBER.search(text)
    return found.group() if found else ""


def version_command(path: Path) -> list[str]:
    """Returns the command that makes a program print its version."""
    word = {"nginx": "-v", "haproxy": "-v", "wrk": "-v", "java": "-version"}
    word |= dict.fromkeys(("caddy", "go", "openssl"), "version")
    return [str(path), word.get(path.name, "--version")]


def _ask(path: Path) -> str:
    # A Java runtime takes 50 ms or more to start, but keeps its version in a file.
    release = path.resolve().parent.parent / "release"
    if path.name in ("java", "javac") and release.exists():
        return next(
            (line for line in release.read_text().splitlines() if line.startswith("JAVA_VERSION=")), ""
        )
    import subprocess
    import tempfile

    try:
        # Caddy makes a folder in its user's home even when it is only asked for its version.
        with tempfile.TemporaryDirectory(prefix="hinterland-") as home:
            done = subprocess.run(
                version_command(path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=VERSION_TIMEOUT_S,
                check=False,
                env={**os.environ, "HOME": home},
            )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
