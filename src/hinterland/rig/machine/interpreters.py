"""Python interpreters besides our own: the one that runs without the global interpreter lock."""

from __future__ import annotations

from pathlib import Path

from hinterland.rig.processes.binaries import find_program

NAMES = ("python3.15t", "python3.14t", "python3.13t")
IS_FREE = "import sys; sys.exit(sys._is_gil_enabled())"
TIMEOUT_S = 5.0


def free_threaded_python() -> Path | None:
    """Returns the newest free-threaded Python on the search path, None if there is none.

    Each candidate is asked whether its lock is off: a name alone may be that of a pyenv shim with nothing
    behind it. Where there is no candidate, nothing is started.
    """
    return next((path for name in NAMES if (path := find_program(name)) and _is_free(path)), None)


def _is_free(path: Path) -> bool:
    import subprocess

    command = [str(path), "-X", "gil=0", "-c", IS_FREE]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
