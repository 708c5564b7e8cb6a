"""Makes the lab beside the tests importable, and tolerates a busy machine where time is not the point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "labs"))


@pytest.fixture(autouse=True)
def busy_machine_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run beside compilers and other tests; none of them asserts a time."""
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
