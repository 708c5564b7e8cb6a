"""The words of a report that every form of it uses: status, tallies, commands, what was assumed."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hinterland.drawing import numbers
from hinterland.model.experiment import Experiment, Prediction, show
from hinterland.model.run import RunInfo, RunRecord
from hinterland.model.verdict import TrialResult, Verdict
from hinterland.package import FOLDER

WORDS: dict[str, str] = {"holds": "Holds", "refuted": "Refuted", "inconclusive": "Inconclusive"}
MARKS: dict[str, str] = {"holds": "●", "refuted": "■", "inconclusive": "○"}
MOST_MEASURED = 3
ATLAS = FOLDER / "experiments"


def status_says(info: RunInfo) -> str:
    """Returns how the run ended, as a sentence; a finished run with no cause needs none."""
    cause = f": {info.cause.rstrip('.')}" if info.cause not in {"", info.status} else ""
    if info.status == "running":
        return "This run is still going on. What stands here is what was known when the page was written."
    if info.status == "interrupted":
        return f"This run was interrupted{cause}. Its trials up to then count; open claims stay inconclusive."
    if info.status == "failed":
        return f"This run failed{cause}. Trust nothing here beyond the trials listed."
    return f"Ended early{cause}." if cause else ""


def in_order(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Returns the verdicts with the main claims first."""
    return sorted(verdicts, key=lambda verdict: not verdict.main)


def unjudged(record: RunRecord) -> list[str]:
    """Returns what the claims that have no verdict say."""
    judged = {verdict.claim for verdict in record.verdicts}
    return [claim.says for claim in record.info.experiment.claim if claim.id not in judged]


def answer(prediction: Prediction) -> str:
    """Returns the answer; with its unit where it is a number."""
    text = prediction.answer
    return f"{text} {prediction.unit}" if prediction.unit and text[-1:].isdigit() else text


def control_says(verdict: Verdict) -> str:
    """Returns whether the control turned the claim over, as it must."""
    words: dict[str, str] = {
        "refuted": "the control turned the claim over, as it must",
        "holds": "the control did not turn the claim over",
        "inconclusive": "the control is undecided",
    }
    said = words[verdict.control.verdict]
    cause = verdict.control.cause
    return f"{said}: {cause.rstrip('.')}" if cause and verdict.control.verdict == "inconclusive" else said


@dataclass(frozen=True)
class Tally:
    """An assumption over all trials: in how many it was judged, in how many it broke, what was seen then."""

    id: str
    says: str
    judged: int
    broken: int
    measured: tuple[str, ...]

    @property
    def share(self) -> str:
        if not self.broken:
            return f"held in {'the one trial' if self.judged == 1 else f'all {self.judged} trials'}"
        return f"broke in {self.broken} of {counted(self.judged, 'trial')}"


def tallies(trials: Sequence[TrialResult]) -> list[Tally]:
    """Returns every assumption with its count, the broken ones first."""
    found: dict[str, list[Any]] = {}
    for trial in trials:
        for assumption in trial.outcome.assumptions:
            entry = found.setdefault(assumption.id, [assumption.says, 0, 0, [], []])
            entry[1] += 1
            entry[2] += not assumption.held
            if assumption.measured:
                entry[4 if assumption.held else 3].append(assumption.measured)
    judged_all = [
        Tally(key, says, judged, broken, tuple(dict.fromkeys(seen if broken else held))[:MOST_MEASURED])
        for key, (says, judged, broken, seen, held) in found.items()
    ]
    return sorted(judged_all, key=lambda tally: -tally.broken)


@dataclass(frozen=True)
class Trouble:
    """Trials that gave no evidence, by cause: which they are and the last log lines of one of them."""

    status: str
    cause: str
    trials: tuple[TrialResult, ...]
    log: tuple[str, ...]

    @property
    def says(self) -> str:
        count = len(self.trials)
        shown = ", ".join(trial.id for trial in self.trials[:6]) + (" and more" if count > 6 else "")
        return f"{counted(count, 'trial')} {self.status} ({shown})"


def troubles(trials: Sequence[TrialResult]) -> list[Trouble]:
    """Returns the void and failed trials grouped by cause, the commonest first."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in trials:
        if trial.status != "done":
            groups.setdefault((trial.status, trial.cause), []).append(trial)
    found = [
        Trouble(status, cause, tuple(group), next((trial.log for trial in group if trial.log), ()))
        for (status, cause), group in groups.items()
    ]
    return sorted(found, key=lambda trouble: -len(trouble.trials))


def counts_say(record: RunRecord) -> str:
    """Returns how much was run: `96 trials in 8 blocks of 12 treatments, 58 s`."""
    trials = record.trials
    if not trials:
        return "no trial was finished"
    blocks = len({trial.block for trial in trials})
    treatments = len(record.info.treatments)
    parts = [
        f"{counted(len(trials), 'trial')} in {counted(blocks, 'block')} of {counted(treatments, 'treatment')}"
    ]
    if record.info.ended_at is not None:
        parts.append(numbers.quantity(record.info.ended_at - record.info.started_at, "s"))
    lost = sum(trial.status != "done" for trial in trials)
    if lost:
        parts.append(f"{lost} of them void or failed")
    return ", ".join(parts)


def counted(count: int, noun: str) -> str:
    """Returns `1 trial`, `2 trials`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def started_says(info: RunInfo) -> str:
    """Returns when the run began, in the time of the place where the report is written."""
    return time.strftime("%-d %B %Y, %H:%M", time.localtime(info.started_at))


def repeats(info: RunInfo, store: str = "") -> list[tuple[str, str]]:
    """Returns the commands that repeat the run or judge it again, each with what it does.

    store: the option that they need to find the run.
    """
    name = asked_as(info.experiment)
    return [
        (
            f"hinterland run {name} --like {info.id}{store}",
            "the same treatments, in the same order, with the same seed",
        ),
        (f"hinterland recheck {info.id}{store}", "judges again from the recorded files alone"),
        (f"hinterland run {name}{store}", "a fresh run at the default budget"),
    ]


def asked_as(experiment: Experiment) -> str:
    """Returns what to give `run` for this experiment: its id, or its folder where that isn't the atlas's own.

    A copy of an experiment has the id of its original, so that the id would run the original.
    """
    folder = Path(experiment.folder)
    if not experiment.folder or folder.is_relative_to(ATLAS) or not folder.is_dir():
        return experiment.id
    return shlex.quote(str(folder))


def assumed(verdict: Verdict) -> str:
    """Returns what carried the interval, in words."""
    return verdict.evidence.assumed or verdict.control.assumed or "no interval was computed"


def chosen(info: RunInfo) -> str:
    """Returns the levels that the person asked for."""
    return ", ".join(f"{factor}={','.join(map(show, levels))}" for factor, levels in info.set.items())


def machine_rows(machine: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Returns the machine's description as flat rows, nested names joined by a dot in the middle."""
    rows: list[tuple[str, str]] = []
    for name, value in machine.items():
        words = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, dict):
            rows += machine_rows(value, f"{words} · ")
        elif isinstance(value, list | tuple) and not any(isinstance(item, dict) for item in value):
            rows.append((words, ", ".join(map(str, value)) or "none"))
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value, 1):
                rows += machine_rows(item if isinstance(item, dict) else {"": item}, f"{words} {number} · ")
        else:
            rows.append((words, _machine_value(str(name), value)))
    return rows


def _machine_value(name: str, value: Any) -> str:
    """Names end in their unit here as everywhere: `memory_bytes` is shown as a size."""
    if value is None or value == "":
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and name.endswith("_bytes"):
        return numbers.quantity(float(value), "bytes")
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)
