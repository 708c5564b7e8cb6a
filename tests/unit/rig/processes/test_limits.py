"""What the kernel allows, read from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland.rig.processes import limits
from hinterland.rig.processes.limits import open_files


def test_the_smallest_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pid_max").write_text("32768\n")
    (tmp_path / "threads-max").write_text("192730\n")
    group = tmp_path / "pids.max"
    monkeypatch.setattr(limits, "KERNEL", tmp_path)
    monkeypatch.setattr(limits, "GROUP_LIMITS", (group, tmp_path / "none"))
    assert limits.threads() == 32_768 - limits.OTHER_THREADS
    group.write_text("max\n")
    assert limits.threads() == 32_768 - limits.OTHER_THREADS
    group.write_text("5000\n")
    assert limits.threads() == 5_000 - limits.OTHER_THREADS
    group.write_text("100\n")
    assert limits.threads() == 0


def test_a_stack_takes_two_mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = tmp_path / "max_map_count"
    monkeypatch.setattr(limits, "MOST_MAPPINGS", most)
    assert limits.stacks() == (65_530 - limits.OTHER_MAPPINGS) // 2
    most.write_text("262144\n")
    assert limits.stacks() == (262_144 - limits.OTHER_MAPPINGS) // 2


def test_files_are_those_of_a_program_that_the_rig_starts() -> None:
    assert limits.files() == open_files()[0] > 0
    assert limits.threads() > 0
