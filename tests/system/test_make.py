"""What `make run` shows and how it ends, with a Python and a hinterland that do what the test says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = "one==1.0 \\\n    --hash=sha256:00\ntwo==2.0 ; python_version > '3' \\\n    --hash=sha256:01\n"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "requirements.lock").write_text(LOCK)
    return tmp_path / "venv"


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def install(venv: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "tools" / "install.sh"), str(venv), str(venv.parent / "requirements.lock")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=venv.parent)


@pytest.mark.system
def test_installing_shows_one_line_and_keeps_what_pip_says(venv: Path) -> None:
    program(venv / "bin" / "python", 'echo "WARNING: Location is ignored" >&2; echo "Collecting $*"')
    done = install(venv)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"Installing Hinterland into {venv} (once) ..."]
    log = (venv / "install.log").read_text()
    assert "WARNING: Location is ignored" in log
    assert "--require-hashes" in log


@pytest.mark.system
def test_where_pip_fails_its_error_is_shown_without_its_warnings(venv: Path) -> None:
    says = (
        'for n in $(seq 300); do echo "WARNING: Location $n is ignored" >&2; done; echo "ERROR: no disk" >&2'
    )
    program(venv / "bin" / "python", f"{says}; exit 3")
    done = install(venv)
    assert done.returncode == 3
    assert "ERROR: no disk" in done.stderr
    assert "WARNING" not in done.stderr + done.stdout
    assert str(venv / "install.log") in done.stderr
    assert (venv / "install.log").read_text().count("WARNING") == 300


@pytest.mark.system
@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 0), (2, 0), (69, 0), (64, 2), (70, 2)])
@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (["run"], "asked: serve"),
        (["run", "ID=apis/idempotency"], "asked: run apis/idempotency"),
        (["tour"], "asked: tour"),
    ],
)
def test_a_verdict_and_something_missing_are_answers_and_errors_are_not(
    venv: Path, require: Callable[[str], None], asked: list[str], wanted: str, status: int, ends: int
) -> None:
    require("program:make")
    program(venv / "bin" / "hinterland", f'echo "asked: $*"; exit {status}')
    for stamp in ("python.stamp", "run.stamp"):
        (venv / stamp).touch()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["make", *asked, f"VENV={venv}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == ends, done.stderr
    assert done.stdout.splitlines()[0] == wanted
    assert ("Error" in done.stderr) == (ends != 0)
