"""Small experiments written into a folder, and a driver that runs one in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from hinterland.model.experiment import ClaimDeclaration, Experiment, Factor, Metric, Prediction

HEAD = """
from __future__ import annotations
import asyncio, os, signal, subprocess, sys, time
from hinterland import History, Outcome, Trial
from hinterland.model.history import Event, Operation, LoadSample
import numpy as np

def measured(t):
    ratio = 10.0 if t["variant"] == "fast" and t["load"] == "high" else 1.0
    return 100 * ratio * t.random.uniform(0.97, 1.03)

def outcome(h: History) -> Outcome:
    return Outcome(metrics={"rate_per_s": h.readings["rate"]})
"""

PLAIN = """
async def trial(t: Trial) -> None:
    t.phase("measure")
    t.reading("rate", measured(t))
"""

FASTER = ClaimDeclaration(
    id="faster",
    says="Fast is faster.",
    control="at low load",
    form={
        "ratio_at_least": {
            "metric": "rate_per_s",
            "ratio": 2.0,
            "more": {"variant": "fast"},
            "less": {"variant": "slow"},
        }
    },
    where={"load": "high"},
    instead={"load": "low"},
)

DRIVER = """
import sys, msgspec
from pathlib import Path
from hinterland.model.experiment import Experiment
from hinterland.runner.run import RunOptions, run_experiment
experiment = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Experiment)
def show(event):
    print(type(event).__name__, flush=True)
record = run_experiment(experiment, RunOptions(store=Path(sys.argv[2])), show)
print("status", record.info.status, flush=True)
"""


def write(folder: Path, code: str = PLAIN, **changes: Any) -> Experiment:
    """Writes an experiment with two factors, one claim and `code` behind HEAD; returns its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "experiment.py").write_text(HEAD + code)
    fields: dict[str, Any] = {
        "id": "apis/lab",
        "title": "Lab",
        "question": "Which is faster?",
        "learned": "The fast one.",
        "budget_s": 120.0,
        "trial_s": 0.02,
        "factor": {
            "variant": Factor(levels=("fast", "slow"), says="the system"),
            "load": Factor(levels=("high", "low"), says="how much"),
        },
        "metric": {"rate_per_s": Metric(unit="/s", better="higher", says="throughput, made up", timed=False)},
        "claim": (FASTER,),
        "prediction": Prediction(kind="choice", ask="Which?"),
        "source": (),
        "folder": str(folder),
    }
    return Experiment(**{**fields, **changes})


def start(experiment: Experiment, folder: Path, store: Path) -> subprocess.Popen[str]:
    """Starts a run in a process of its own, which prints the name of each event on a line."""
    manifest = folder / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(experiment))
    words = [sys.executable, "-c", DRIVER, str(manifest), str(store)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)


def read_until(process: subprocess.Popen[str], wanted: str) -> None:
    """Reads the run's events until one begins with `wanted`."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(wanted):
            return
    raise AssertionError(f"the run ended before {wanted}")
