"""The wheel, installed in a clean environment with nothing but the locked packages, does its work."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parents[2]


def call(*words: str | Path, cwd: Path) -> str:
    """Returns what a command printed; fails with its errors when it did not succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["HINTERLAND_BUSY_CORES"] = "64"
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=PROJECT)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    tracked = call("git", "ls-files", "src", cwd=PROJECT).split()
    assert {str(Path(name).relative_to("src")) for name in tracked if (PROJECT / name).exists()} <= held
    assert "hinterland/py.typed" in held


def locked_packages(folder: Path) -> Path:
    """Links the packages of the lock file, as they are installed here, into a folder, and no others."""
    folder.mkdir()
    # One that is locked in several versions stands there several times.
    for name in set(re.findall(r"^([\w.-]+)==", (PROJECT / "requirements.lock").read_text(), re.MULTILINE)):
        with contextlib.suppress(metadata.PackageNotFoundError):  # It is for other systems.
            found = metadata.distribution(name)
            for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                (folder / top).symlink_to(str(found.locate_file(top)))
    return folder


def test_the_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "clean"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    call(*pip, "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "locked.pth").write_text(str(locked_packages(tmp_path / "locked")))
    hinterland = place / "bin" / "hinterland"
    listed = json.loads(call(hinterland, "list", "--json", cwd=tmp_path))
    assert "apis/idempotency" in json.dumps(listed)
    assert call(python, "-m", "hinterland", "--version", cwd=tmp_path).strip()
    # One block decides nothing: what counts is that trials run and a report is written.
    words = ("--blocks", "1", "--set", "read_ratio=1", "--set", "engine=lmdb", "--store", "store", "--quiet")
    call(python, "-c", ONE_BLOCK, hinterland, "run", "storage/read_write_ratio", *words, cwd=tmp_path)
    assert list(tmp_path.glob("store/*/report.html"))


ONE_BLOCK = """
import subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
sys.exit(0 if status == 2 else f"exit status {status}, expected 2 (inconclusive)")
"""
