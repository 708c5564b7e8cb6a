"""One run, in a process of its own, told in one line of JSON: what `benchmarks.weather` starts.

    python -m benchmarks.weather.runs atlas ID SEED BLOCKS
    python -m benchmarks.weather.runs same|known - SEED BLOCKS

BLOCKS 0: until every claim is decided or the default budget is spent.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.repeats.__main__ import decided_s, took_s
from benchmarks.weather import pairs
from hinterland import catalogue
from hinterland.errors import HinterlandError
from hinterland.model.run import ClaimJudged, RunRecord
from hinterland.runner.run import RunOptions, run_experiment


def main() -> None:
    """Do what the command line says and print what it came to."""
    what, name, seed, blocks = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with tempfile.TemporaryDirectory(prefix="weather-") as store:
        options = RunOptions(store=Path(store), seed=seed, blocks=blocks or None)
        print(json.dumps(atlas(name, options) if what == "atlas" else known_answers(what, options)))


def atlas(name: str, options: RunOptions) -> dict[str, Any]:
    """Runs an experiment of the atlas and returns its verdicts, or why it did not run."""
    experiment = catalogue.find(name)
    try:
        record = run_experiment(experiment, options)
    except HinterlandError as error:
        return undone(name, error.says)
    claims = [
        {
            "id": verdict.claim,
            "main": verdict.main,
            "verdict": verdict.verdict,
            "blocks": verdict.evidence.blocks,
            "decided_s": _rounded(decided_s(record, verdict.claim)),
            **({"cause": verdict.cause} if verdict.cause else {}),
            **({"says": verdict.evidence.says} if verdict.verdict == "refuted" else {}),
        }
        for verdict in record.verdicts
    ]
    return {"experiment": name, **_course(record), "claims": claims}


def undone(name: str, why: str) -> dict[str, Any]:
    """Returns what an experiment of the atlas came to that gave no verdicts."""
    declared = catalogue.find(name).claim
    claims = [{"id": each.id, "main": each.main, "verdict": "did not run"} for each in declared]
    return {"experiment": name, "error": why, "claims": claims}


def known_answers(name: str, options: RunOptions) -> dict[str, Any]:
    """Runs `same` or `known` and returns for each of its pairs what was falsely said, what was found when."""
    record = run_experiment(pairs.experiment(name), options)
    found: dict[str, dict[str, Any]] = {}
    for event in record.events:
        if not isinstance(event, ClaimJudged):
            continue
        pair, _, claim = event.verdict.claim.rpartition("_")
        said = found.setdefault(pair, {"pair": pair, "false": []})
        word = event.verdict.evidence.verdict
        if word in pairs.FALSE[name][claim]:
            said["false"].append(f"{claim} {word} after {event.block} blocks: {event.verdict.evidence.says}")
        elif word == "holds" and f"{claim}_s" not in said:
            said |= {f"{claim}_s": _rounded(event.t_s), f"{claim}_blocks": event.block}
    return {"experiment": name, **_course(record), "pairs": list(found.values())}


def _course(record: RunRecord) -> dict[str, Any]:
    """Returns how a run went: how long it took, its trials, and the weather that they met."""
    trials = record.trials
    met = [trial.weather for trial in trials if trial.weather is not None]
    busiest = Counter(weather.by for weather in met if weather.by).most_common(1)
    return {
        "seconds": _rounded(took_s(record)),
        "budget_s": record.info.budget_s,
        "status": record.info.status,
        "blocks": max((trial.block for trial in trials), default=0),
        "trials": len(trials),
        "disturbed": sum(bool(trial.disturbed) for trial in trials),
        "void": sum(trial.status == "void" for trial in trials),
        "failed": sum(trial.status == "failed" for trial in trials),
        "foreign_cores": _rounded(median(weather.foreign_cores for weather in met)) if met else None,
        "steal_share": _rounded(median(weather.steal_share for weather in met)) if met else None,
        "by": busiest[0][0] if busiest else "",
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


if __name__ == "__main__":
    main()
