"""Runs each experiment N times at its default budget and tells how its verdicts came out.

    python -m benchmarks.repeats [--runs 10] [--only apis/idempotency] [--page FILE] [--store DIR]

A claim that holds in one run and is refuted in another has flipped: exit status 1. `--page` writes the table
as Markdown. Runs of different experiments alternate, so that a bad quarter of an hour hits them all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

from hinterland import catalogue
from hinterland.errors import INTERRUPTED
from hinterland.model.run import ClaimJudged, RunRecord
from hinterland.rig.machine.description import describe
from hinterland.runner.run import RunOptions, run_experiment

INTRODUCTION = """\
`python -m benchmarks.repeats` wrote this page: each experiment at its default budget, run after run, with
nothing else on the machine. A verdict must not flip between `holds` and `refuted`. The estimates are the
least, the median and the largest over the runs."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.repeats", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=10, help="how often each is run (default 10)")
    parser.add_argument("--only", action="append", help="an experiment's id; may be given again")
    parser.add_argument("--page", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--store", type=Path, help="keep the runs here (default: a temporary folder)")
    asked = parser.parse_args()
    chosen = [e for e in catalogue.experiments() if not asked.only or e.id in asked.only]
    store = asked.store or Path(tempfile.mkdtemp(prefix="hinterland-repeats-"))
    records: dict[str, list[RunRecord]] = defaultdict(list)
    for number in range(asked.runs):
        for experiment in chosen:
            record = run_experiment(experiment, RunOptions(store=store, seed=1000 + number))
            if record.info.status == "interrupted":
                print(f"Interrupted after {number} runs of each.")
                return INTERRUPTED
            records[experiment.id].append(record)
            words = " ".join(f"{v.claim}={v.verdict}" for v in record.verdicts)
            print(f"{number + 1:2d} {experiment.id} {took_s(record):5.1f} s  {words}", flush=True)
    page = table(records)
    print("\n" + page)
    if asked.page:
        asked.page.write_text(page)
    return 1 if any(flips(found) for found in records.values()) else 0


def took_s(record: RunRecord) -> float:
    """Returns how long the run took, from its start to its last event, in seconds."""
    return record.events[-1].t_s


def decided_s(record: RunRecord, claim: str) -> float | None:
    """Returns when a claim got the verdict it kept, in seconds since the run's start."""
    found = None
    for event in record.events:
        if isinstance(event, ClaimJudged) and event.verdict.claim == claim:
            if event.verdict.verdict == "inconclusive":
                found = None
            elif found is None:
                found = event.t_s
    return found


def flips(records: list[RunRecord]) -> list[str]:
    """Returns the claims that hold in one run and are refuted in another."""
    seen: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for verdict in record.verdicts:
            seen[verdict.claim].add(verdict.verdict)
    return [claim for claim, words in seen.items() if {"holds", "refuted"} <= words]


def table(records: dict[str, list[RunRecord]]) -> str:
    """Returns the page: what was run where, then a table an experiment."""
    first = next(iter(records.values()))[0]
    machine = describe()
    count = max(len(found) for found in records.values())
    lines = [
        "# Ten runs of each experiment" if count == 10 else f"# {count} runs of each experiment",
        "",
        *INTRODUCTION.splitlines(),
        "",
        f"{time.strftime('%Y-%m-%d', time.localtime(first.info.started_at))}, "
        f"Hinterland {first.info.version}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}.",
    ]
    for name, found in records.items():
        lines += ["", f"## {name}", "", *rows(found)]
    return "\n".join(lines) + "\n"


def rows(records: list[RunRecord]) -> list[str]:
    """Returns one experiment's table, a row a claim."""
    lasted = sorted(took_s(record) for record in records)
    trials = sum(len(record.trials) for record in records)
    lost = sum(trial.status != "done" for record in records for trial in record.trials)
    lines = [
        f"{len(records)} runs of {lasted[0]:.0f} to {lasted[-1]:.0f} s, {trials:,} trials, "
        f"{lost} of them void or failed.",
        "",
        "| claim | holds | refuted | inconclusive | decided after, median (longest) | estimate |",
        "|---|---|---|---|---|---|",
    ]
    for claim in records[0].info.experiment.claim:
        verdicts = [next(v for v in record.verdicts if v.claim == claim.id) for record in records]
        words = Counter(verdict.verdict for verdict in verdicts)
        times = [t for record in records if (t := decided_s(record, claim.id)) is not None]
        when = f"{median(times):.0f} s ({max(times):.0f} s)" if times else "-"
        name = f"`{claim.id}`" + ("" if claim.main else " (side claim)")
        lines.append(
            f"| {name} | {words['holds']} | {words['refuted']} | {words['inconclusive']} | {when} | "
            f"{estimates([v.evidence.estimate for v in verdicts], verdicts[0].evidence.unit)} |"
        )
    return lines


def estimates(values: list[float | None], unit: str) -> str:
    """Returns least, median and largest estimate with their unit."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    if unit == "share":
        return f"{known[0]:.2%} / {median(known):.2%} / {known[-1]:.2%}"
    sign = "x" if unit == "x" else ""
    return " / ".join(f"{value:.3g}{sign}" for value in (known[0], median(known), known[-1]))


if __name__ == "__main__":
    raise SystemExit(main())
