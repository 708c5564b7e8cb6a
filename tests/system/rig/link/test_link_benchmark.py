"""`benchmarks/link` runs; losses are as asked, and nothing is left behind. Neither depends on time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]

pytestmark = pytest.mark.system


def table(*words: str) -> dict[str, Any]:
    """Returns what a quick run with these options printed as JSON."""
    command = [sys.executable, "-m", "benchmarks.link", "--quick", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["met"] == (done.returncode == 0)
    return found


def test_losses_are_as_asked_and_repeat_with_their_seed(require: Callable[[str], None]) -> None:
    require("capability:link")
    first, second = (table("--only", "loss", "--seed", "7")["rows"] for _ in range(2))
    assert [row["met"] for row in first] == [True] * 4
    assert [row["detail"]["lost"] for row in first] == [row["detail"]["lost"] for row in second]


def test_links_leave_nothing_whether_closed_or_killed(require: Callable[[str], None]) -> None:
    require("capability:link")
    _, closed, killed = table("--only", "life")["rows"]
    assert [closed["detail"][what] for what in ("descriptors", "processes", "networks")] == [0, 0, 0]
    assert killed["detail"]["complaints"] == []
    assert (killed["detail"]["processes"], killed["detail"]["files"]) == (0, 0)
