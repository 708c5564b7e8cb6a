"""Recorded trials give the outcome they must; real parties switch as often as they hand over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, broken, experiment_of

HERE = experiment_of(__file__)


def test_a_switch_is_what_is_left_of_a_turn_batch_by_batch() -> None:
    kept = HERE.recorded.trial("threads_in_c")
    kept["readings"]["ring"] |= {"turn_ns": [9000, 5000, 4000], "alone_ns": [6000, 1000, 2000]}
    metrics = HERE.recorded.outcome(kept).metrics
    assert (metrics["turn_us"], metrics["work_us"], metrics["switch_us"]) == (5, 2, 3)


def test_what_can_not_be_told_from_nothing_is_not_negative() -> None:
    kept = HERE.recorded.trial("generators")
    kept["readings"]["ring"] |= {"turn_ns": [100, 100], "alone_ns": [150, 120]}
    assert HERE.recorded.outcome(kept).metrics["switch_us"] == 0.001


def test_a_token_that_hardly_went_round_is_no_evidence() -> None:
    kept = HERE.recorded.trial("cold_coroutines")
    kept["readings"]["ring"]["turns"] = 32
    assert HERE.recorded.broken(kept) == ["went_round"]


def run(one_block: OneBlock, **levels: tuple[Any, ...]) -> dict[tuple[Any, ...], dict[str, float]]:
    """Returns the metrics of one real block, by who, whose memory and how much of it."""
    needs = ["program:gcc"] if "c" in levels["language"] else []
    trials = one_block(HERE, *needs, **levels)
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet"}, one.outcome.assumptions
    keys = ("who", "whose", "memory_kib")
    return {tuple(one.treatment[key] for key in keys): one.outcome.metrics for one in trials}


def check(seen: dict[tuple[Any, ...], dict[str, float]]) -> None:
    """What must be so in either language."""
    for who in ("threads", "processes"):
        assert 0.7 < seen[who, "own", 1]["kernel_switches"] < 1.5, who
        assert seen[who, "own", 1]["turn_us"] > 1.5 * seen["coroutines", "own", 1]["turn_us"], who
    assert seen["coroutines", "own", 1]["kernel_switches"] < 0.05
    assert seen["coroutines", "own", 256]["turn_us"] > 10 * seen["coroutines", "own", 1]["turn_us"]


@pytest.mark.system
def test_a_ring_in_python(one_block: OneBlock) -> None:
    seen = run(one_block, language=("python",))
    check(seen)
    assert seen["event_loop", "own", 1]["kernel_switches"] < 0.1
    assert seen["event_loop", "own", 1]["turn_us"] > seen["coroutines", "own", 1]["turn_us"]


@pytest.mark.system
def test_a_ring_in_c(one_block: OneBlock) -> None:
    seen = run(one_block, language=("c",))
    check(seen)
    assert seen["coroutines", "own", 256]["turn_us"] > 1.1 * seen["coroutines", "shared", 256]["turn_us"]


@pytest.mark.system
@pytest.mark.parametrize("language", ["python", "c"])
def test_programs_that_ask_for_nonsense_say_so(
    language: str, require: Callable[[str], None], tmp_path: Path
) -> None:
    program = [sys.executable, str(HERE.folder / "systems" / "ring.py")]
    if language == "c":
        require("program:gcc")
        program = [str(tmp_path / "ring")]
        source = str(HERE.folder / "systems" / "ring.c")
        warnings = subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", *program, source],
            capture_output=True,
            text=True,
            check=True,
        )
        assert warnings.stderr == ""
    done = subprocess.run([*program, "threads"], capture_output=True, check=False, timeout=60)
    assert done.returncode != 0
    assert b"ready" not in done.stdout
