"""docs/reference is what docs/generate.py makes of the code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_not_stale() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "HINTERLAND_EXPERIMENTS"}

    check = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert check.returncode == 0, check.stderr
