"""A free-threaded Python is found by its name, and believed only when its lock is off."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland.rig.machine.interpreters import free_threaded_python
from hinterland.rig.machine.needs import check


def program(folder: Path, name: str, script: str) -> Path:
    made = folder / name
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(0o755)
    return made


def test_none_where_none_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hinterland.rig.processes.binaries.ADMIN_FOLDERS", ())
    assert free_threaded_python() is None
    assert not check("capability:free_threaded_python").available


def test_a_shim_with_nothing_behind_it_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "python3.14t", "exit 127")
    found = program(tmp_path, "python3.13t", "exit 0")
    assert free_threaded_python() == found
    assert check("capability:free_threaded_python").where == str(found)


def test_the_newest_is_taken_and_asked_with_its_lock_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "python3.13t", "exit 0")
    # It exits as Python does: with the value of sys._is_gil_enabled().
    newest = program(tmp_path, "python3.14t", '[ "$1 $2 $3" = "-X gil=0 -c" ]')
    assert free_threaded_python() == newest
