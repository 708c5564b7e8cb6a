"""`hinterland runs`: the runs on disk, newest first."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.terminal.documents import ListedRun
from hinterland.cli.terminal.options import Json, at_least_one
from hinterland.cli.terminal.output import VERDICT_SIGN, VERDICT_STYLE, heading, paint, print_json, width
from hinterland.cli.terminal.store import store_option
from hinterland.errors import HinterlandError
from hinterland.load.record.heads import LoadHead, list_loads
from hinterland.model.run import RunInfo
from hinterland.runner.record.folder import RunFolder, list_runs
from hinterland.runner.record.imported import imported
from hinterland.store import default_store

SHOWN = 20


def runs(
    experiment: Annotated[
        str, Parameter(name="ID", help="Only runs of this experiment or region; load: only loads.")
    ] = "",
    /,
    *,
    limit: Annotated[int, Parameter(metavar="N", help="At most this many.")] = SHOWN,
    json: Json = False,
) -> int:
    """The runs and loads on disk, newest first: when, what, and what it came to."""
    at_least_one("limit", limit)
    store = default_store()
    found = [info for info in list_runs(store) if belongs(info, experiment)]
    loads = list_loads(store) if experiment in ("", "load") else []
    if json:
        documents = [document(store, info) for info in found] + [load_document(store, head) for head in loads]
        print_json(sorted(documents, key=lambda one: one.started_at, reverse=True)[:limit])
        return 0
    if not found and not loads:
        which = f" of {experiment}" if experiment else ""
        print(f"There is no run{which} in {store}.  Start one: hinterland run apis/idempotency")
        return 0
    if found:
        print_runs(store, found, limit)
    if loads:
        print_loads(loads, limit, apart=bool(found))
    print(paint(f"\nIn {store}", "dim"))
    begun = [(one.started_at, one.id) for one in found] + [(one.started_at, one.id) for one in loads]
    print(f"  hinterland report {max(begun)[1].rpartition('-')[2]}{store_option()}")
    return 0


def print_runs(store: Path, found: list[RunInfo], limit: int) -> None:
    """Prints the runs of experiments as a table."""
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
        origin = paint("  from elsewhere", "dim") if imported(store / info.id) is not None else ""
        print(f"{when:<17}{info.experiment.id:<30}{state}{' ' * max(1, 16 - len(plain))}{suffix}{origin}")
    if len(found) > limit:
        print(paint(f"and {len(found) - limit} older: --limit {len(found)}", "dim"))
    print("\n✓ holds  ✗ refuted  ? inconclusive")


def print_loads(loads: list[LoadHead], limit: int, *, apart: bool) -> None:
    """Prints the loads as a table."""
    if apart:
        print()
    room = width() - 17 - 26 - 6
    print(heading(f"{'when':<17}{'load':<26}{'came to':<{room}}run"))
    for head in loads[:limit]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(head.started_at))
        says = head.says if head.status == "finished" else f"cut short: {head.says}"
        suffix = head.id.rpartition("-")[2]
        print(f"{when:<17}{clipped(head.url, 25):<26}{clipped(says, room - 1):<{room}}{suffix}")
    if len(loads) > limit:
        print(paint(f"and {len(loads) - limit} older: --limit {len(loads)}", "dim"))


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
        from_elsewhere=imported(store / info.id) is not None,
    )


def load_document(store: Path, head: LoadHead) -> ListedRun:
    """Returns one load as `runs --json` prints it."""
    return ListedRun(
        run=head.id,
        experiment="",
        status="interrupted" if head.status == "interrupted" else "finished",
        cause="",
        verdicts={},
        started_at=head.started_at,
        ended_at=head.ended_at,
        folder=str(store / head.id),
        load=head.url,
        says=head.says,
    )


def clipped(text: str, room: int) -> str:
    """Returns the text, cut with an ellipsis where it is longer than `room`."""
    return text if len(text) <= room else f"{text[: room - 1]}…"
