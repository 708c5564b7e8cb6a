"""`hinterland runs`: the runs on disk, newest first."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.documents import ListedRun
from hinterland.cli.options import Json, at_least_one
from hinterland.cli.output import VERDICT_SIGN, VERDICT_STYLE, heading, paint, print_json
from hinterland.errors import HinterlandError
from hinterland.model.run import RunInfo
from hinterland.runner.record import RunFolder, default_store, list_runs

SHOWN = 20


def runs(
    experiment: Annotated[str, Parameter(name="ID", help="Only runs of this experiment or region.")] = "",
    /,
    *,
    limit: Annotated[int, Parameter(metavar="N", help="At most this many.")] = SHOWN,
    json: Json = False,
) -> int:
    """The runs on disk, newest first: when, what, and what it came to."""
    at_least_one("limit", limit)
    store = default_store()
    found = [info for info in list_runs(store) if belongs(info, experiment)]
    if json:
        print_json([document(store, info) for info in found[:limit]])
        return 0
    if not found:
        which = f" of {experiment}" if experiment else ""
        print(f"There is no run{which} in {store}.  Start one: hinterland run apis/idempotency")
        return 0
    print(heading(f"{'when':<17}{'experiment':<30}{'verdicts':<16}run"))
    for info in found[:limit]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.started_at))
        judged = verdicts(store, info)
        counts = judged or {}
        state = " ".join(paint(f"{VERDICT_SIGN[word]}{counts[word]}", VERDICT_STYLE[word]) for word in counts)
        plain = " ".join(f"{VERDICT_SIGN[word]}{counts[word]}" for word in counts)
        if info.status != "finished":
            state, plain = paint(info.status, "yellow"), info.status
        elif judged is None:
            state, plain = paint("damaged", "red"), "damaged"
        suffix = info.id.rpartition("-")[2]
        print(f"{when:<17}{info.experiment.id:<30}{state}{' ' * max(1, 16 - len(plain))}{suffix}")
    if len(found) > limit:
        print(paint(f"and {len(found) - limit} older: --limit {len(found)}", "dim"))
    print("\n✓ holds  ✗ refuted  ? inconclusive")
    print(paint(f"In {store}", "dim"))
    print(f"  hinterland report {found[0].id.rpartition('-')[2]}")
    return 0


def belongs(info: RunInfo, wanted: str) -> bool:
    """Decides whether a run is of the experiment, its bare name or its region."""
    one = info.experiment
    return not wanted or wanted in (one.id, one.name, one.region)


def verdicts(store: Path, info: RunInfo) -> dict[str, int] | None:
    """Returns how many claims hold, are refuted and are inconclusive; None if the record is damaged."""
    try:
        counted = Counter(verdict.verdict for verdict in RunFolder(store / info.id).record().verdicts)
    except (HinterlandError, OSError, ValueError):
        return None
    return {word: counted[word] for word in VERDICT_SIGN if counted[word]}  # type: ignore[index]


def document(store: Path, info: RunInfo) -> ListedRun:
    """Returns one run as `runs --json` prints it."""
    return ListedRun(
        run=info.id,
        experiment=info.experiment.id,
        status=info.status,
        cause=info.cause,
        verdicts=verdicts(store, info) or {},
        started_at=info.started_at,
        ended_at=info.ended_at,
        folder=str(store / info.id),
    )
