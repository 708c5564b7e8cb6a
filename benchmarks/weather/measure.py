"""The parts of the benchmark: which runs each of them has, and one run after another in a weather."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.weather.makers import WeatherError, weather
from benchmarks.weather.runs import undone
from hinterland import catalogue
from hinterland.cli.atlas.itinerary import one_of_each
from hinterland.rig.processes.supervision import die_with_parent

ROOT = Path(__file__).parents[2]
PARTS: dict[str, str] = {
    "aa": "the same system twice, 60 runs of 6 pairs among 12 treatments",
    "known": "1.5, 3 and 40 times as much work, 20 runs of 3 pairs each",
    "tour": "the tour's experiments three times, at their default budgets",
    "rest": "every other experiment once, at its default budget",
}
EXPERIMENT = "experiment"
SAME_RUNS, KNOWN_RUNS, TOUR_RUNS = 60, 20, 3
LOOKS = 12
QUICK_RUNS, QUICK_BLOCKS = 2, 4
KNOWN_LIMIT_S = 400.0
# Beside its budget a run starts, ends a block that it has begun, and writes its record.
BESIDE_S = 120.0
END_S = 30.0


@dataclass(frozen=True)
class Planned:
    """One run: the words for `benchmarks.weather.runs`, and after how long it is ended."""

    words: tuple[str, ...]
    limit_s: float


def planned(
    part: str, *, experiment: str = "", quick: bool = False, runs: int | None = None
) -> list[Planned]:
    """Returns the runs of a part, in their order; `runs`: how many of `aa` and `known`, or tours."""
    if part in ("aa", "known"):
        name, usual = ("same", SAME_RUNS) if part == "aa" else ("known", KNOWN_RUNS)
        blocks = QUICK_BLOCKS if quick else LOOKS
        numbers = range(runs or (QUICK_RUNS if quick else usual))
        return [Planned((name, "-", str(1000 + number), str(blocks)), KNOWN_LIMIT_S) for number in numbers]
    tour = [each.experiment.id for each in one_of_each(catalogue.experiments())]
    ids = {
        "tour": tour * (runs or (1 if quick else TOUR_RUNS)),
        "rest": [each.id for each in catalogue.experiments() if each.id not in tour],
        EXPERIMENT: [experiment],
    }[part]
    # Two blocks say whether an experiment runs here, not what comes of its claims.
    blocks = 2 if quick else 0
    return [
        Planned(
            ("atlas", name, str(1000 + number), str(blocks)), 2 * catalogue.find(name).budget_s + BESIDE_S
        )
        for number, name in enumerate(ids)
    ]


def results(name: str, runs: list[Planned]) -> Iterator[dict[str, Any]]:
    """Runs one after another, each with weather made anew for it, and yields what each came to."""
    for number, run in enumerate(runs):
        try:
            with weather(name, run.limit_s + 2 * END_S, seed=str(number)) as maker:
                line = one(run)
        except WeatherError as error:
            # What was measured was not measured in this weather.
            yield _undone(run, str(error))
            continue
        taken = {"how": maker.how, "cores": round(maker.cores_taken, 3), "wall_s": round(maker.wall_s, 1)}
        yield {**line, "taken": taken}


def one(run: Planned) -> dict[str, Any]:
    """Returns what one run came to, or that it did not; it is ended where it takes too long."""
    # No descendant of the makers' parent may count as the run's own: they are brothers.
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.weather.runs", *run.words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
    )
    began_s = time.monotonic()
    try:
        out, err = process.communicate(timeout=run.limit_s)
    except subprocess.TimeoutExpired:
        # SIGTERM: the run ends its trial, cleans up and still says what it came to.
        process.terminate()
        try:
            out, err = process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(END_S)
    try:
        line: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        why = " | ".join(err.splitlines()[-3:]) or f"status {process.returncode}"
        return {**_undone(run, why), "seconds": round(time.monotonic() - began_s, 1)}
    return line


def _undone(run: Planned, why: str) -> dict[str, Any]:
    what, name, *_ = run.words
    return undone(name, why) if what == "atlas" else {"experiment": what, "error": why, "pairs": []}
