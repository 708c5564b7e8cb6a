"""A data folder is like its template at each start, whatever was done to it meanwhile."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland.rig.processes import data_folder


def template(folder: Path) -> Path:
    """Returns a folder of two files, a link, an empty folder, and a file below another."""
    made = folder / "template"
    for path, content in {"version": "15\n", "base/1/1247": "types", "postgresql.conf": "port = 1\n"}.items():
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.utime(file, ns=(10**18, 10**18))
    (made / "empty").mkdir()
    (made / "current").symlink_to("version")
    return made


def whole(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Returns what can be told of each path below: its mode, when it was written, its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        plain = stat.S_ISREG(state.st_mode)
        content = path.read_text() if plain else os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_mtime_ns if plain else 0, content)
    return found


def replace_folder_by_file(data: Path) -> None:
    shutil.rmtree(data / "base")
    (data / "base").write_text("a file now")


def replace_file_by_link(data: Path) -> None:
    (data / "version").unlink()
    (data / "version").symlink_to("/etc/passwd")


def lead_elsewhere(data: Path) -> None:
    (data / "current").unlink()
    (data / "current").symlink_to("/tmp")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda data: None,
    "longer": lambda data: (data / "postgresql.conf").write_text("port = 1\nfsync = off\n"),
    "as long": lambda data: (data / "version").write_text("16\n"),
    "mode": lambda data: (data / "version").chmod(0o600),
    "new file": lambda data: (data / "base/1/99").write_text("a table"),
    "new folder": lambda data: shutil.copytree(data / "base", data / "pg_tblspc/16384"),
    "file gone": lambda data: (data / "base/1/1247").unlink(),
    "folder gone": lambda data: shutil.rmtree(data / "base"),
    "empty folder gone": lambda data: (data / "empty").rmdir(),
    "folder became a file": replace_folder_by_file,
    "file became a link": replace_file_by_link,
    "link leads elsewhere": lead_elsewhere,
    "new link": lambda data: (data / "pg_wal").symlink_to("/tmp"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_was_laid_aside_is_as_new(tmp_path: Path, change: str) -> None:
    made, data, aside = template(tmp_path), tmp_path / "data", tmp_path / "aside"
    data_folder.fresh(made, data, aside)
    assert whole(data) == whole(made)

    CHANGES[change](data)
    assert (whole(data) == whole(made)) == (change == "nothing")
    data_folder.lay_aside(data, aside)
    assert not data.exists()

    data_folder.fresh(made, data, aside)
    assert whole(data) == whole(made)
    assert not aside.exists()


def test_a_file_that_nobody_wrote_stays_as_it_is(tmp_path: Path) -> None:
    made, data, aside = template(tmp_path), tmp_path / "data", tmp_path / "aside"
    data_folder.fresh(made, data, aside)
    numbers = {path.name: path.stat().st_ino for path in data.rglob("*")}
    (data / "version").write_text("16\n")
    data_folder.lay_aside(data, aside)
    data_folder.fresh(made, data, aside)
    assert {path.name: path.stat().st_ino for path in data.rglob("*")} == numbers


def test_what_can_not_be_laid_aside_is_left_to_be_deleted(tmp_path: Path) -> None:
    data = template(tmp_path)
    data_folder.lay_aside(data, tmp_path / "no" / "such" / "folder")
    assert data.exists()
