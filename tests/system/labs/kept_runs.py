"""Records of runs as they lie in a store, made by hand: pages are about what they say, not about running."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from hinterland import catalogue
from hinterland.model.experiment import Level
from hinterland.model.levels import treatments
from hinterland.model.run import RunFinished, RunInfo, RunStatus, TrialFinished
from hinterland.model.verdict import Evidence, Outcome, TrialResult, Verdict, VerdictWord

WARM: dict[str, Level] = {"variant": "two_writes", "receiver": "delayed", "rtt_ms": 10, "client": "python"}


def exchanges(*values: float) -> list[TrialResult]:
    """Returns trials of protocols/nagle, a block each, in which two writes took so many ms."""
    return [
        TrialResult(f"b00{n}-t01", n, WARM, 1, "done", Outcome(metrics={"exchange_ms": value}), 1.0)
        for n, value in enumerate(values, 1)
    ]


def keep(
    store: Path,
    place: str,
    trials: list[TrialResult],
    status: RunStatus = "finished",
    **words: VerdictWord,
) -> str:
    """Writes the record of a run that began just now, and returns its id. `words`: verdicts by claim.

    One that is running goes on for as long as this very process lives.
    """
    it = catalogue.find(place)
    folder = store / f"20270101T000000-{it.name}-{len(list(store.iterdir()))}"
    folder.mkdir()
    info = RunInfo(
        id=folder.name, experiment=it, seed=1, budget_s=60, started_at=time.time(), machine={},
        treatments=treatments(it), status=status, pid=os.getpid(),
        ended_at=None if status == "running" else time.time() + 20,
    )  # fmt: skip
    said = [
        Verdict(
            claim=claim.id, says=claim.says, verdict=words[claim.id], control_says=claim.control,
            evidence=Evidence(verdict=words[claim.id], says=""), control=Evidence(verdict="refuted", says=""),
        )
        for claim in it.claim if claim.id in words
    ]  # fmt: skip
    (folder / "run.json").write_bytes(msgspec.json.encode(info))
    if status != "running":
        (folder / "verdicts.json").write_bytes(msgspec.json.encode(said))
    events = [TrialFinished(t_s=1.0, result=trial) for trial in trials]
    lines = [msgspec.json.encode(each) + b"\n" for each in events]
    if status != "running":
        lines.append(msgspec.json.encode(RunFinished(20.0, status)) + b"\n")
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    return folder.name


def land(store: Path, run: str, trial: TrialResult) -> None:
    """Appends a trial to the record of a run that goes on."""
    with (store / run / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(TrialFinished(t_s=1.0, result=trial)) + b"\n")


def finish(store: Path, run: str) -> None:
    """Ends a run that goes on."""
    folder = store / run
    info = msgspec.json.decode((folder / "run.json").read_bytes(), type=RunInfo)
    ended = msgspec.structs.replace(info, status="finished", ended_at=time.time())
    (folder / "new").write_bytes(msgspec.json.encode(ended))
    with (folder / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(RunFinished(20.0, "finished")) + b"\n")
    (folder / "new").rename(folder / "run.json")
