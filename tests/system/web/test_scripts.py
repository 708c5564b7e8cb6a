"""The browser's scripts: small in all, from here alone, and of the types that they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland.web import app

ROOT = Path(__file__).parents[3]
TYPESCRIPT = ROOT / "tools" / "typescript"
SCRIPTS = sorted(app.STATIC.glob("*.js"))
MOST_BYTES = 60_000


def test_all_scripts_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SCRIPTS) < MOST_BYTES


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_served_and_loads_nothing_from_elsewhere(path: Path) -> None:
    assert app.KINDS[path.name] == "text/javascript"
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@ts-(?:ignore|nocheck|expect-error)|\beval\b|new Function", text)


def test_what_npm_installs_is_pinned_by_hash_and_names_no_host() -> None:
    lock = json.loads((TYPESCRIPT / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, name
    assert "://" not in (TYPESCRIPT / "package-lock.json").read_text()
    assert not list(ROOT.glob(".npmrc")) + list(TYPESCRIPT.glob(".npmrc"))


def check(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(folder / "tools" / "scripts.sh"), str(ROOT / ".venv")],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.system
def test_the_types_of_a_script_are_checked(tmp_path: Path, require: Callable[[str], None]) -> None:
    require("program:npm")
    for name in ("tools", "src/hinterland/web/static"):
        shutil.copytree(ROOT / name, tmp_path / name)
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    odd = tmp_path / "src" / "hinterland" / "web" / "static" / "odd.js"
    odd.write_text('/** @param {number} n */\nfunction twice(n) { return 2 * n; }\ntwice("a");\n')
    done = check(tmp_path)
    assert done.returncode != 0
    assert "odd.js(3,7)" in done.stdout


@pytest.mark.system
@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 69)])
def test_without_npm_it_is_said_and_only_ci_fails(tmp_path: Path, ci: str, status: int) -> None:
    for name in ("sh", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    done = check(ROOT, PATH=str(tmp_path), CI=ci)
    assert done.returncode == status
    assert "were not checked: node is missing" in done.stderr
    assert "apt-get install nodejs npm" in done.stderr
