"""Runs of one experiment side by side: what was otherwise, and what each says of the claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hinterland.model.experiment import show
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Verdict
from hinterland.report import story, verdicts
from hinterland.report.charts.samples import level_text, levels_of, name_of

FEWEST, MOST = 2, 4
ABSENT = "–"


@dataclass(frozen=True)
class Row:
    """One thing about the runs: what it is, and how each has it."""

    name: str
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


@dataclass(frozen=True)
class Judged:
    """A claim over the runs: for each its verdict in words, its figure with the interval, and why it is open;
    None where the run did not judge it."""

    says: str
    main: bool
    cells: tuple[dict[str, str] | None, ...]

    @property
    def agree(self) -> bool:
        return len({cell["verdict"] for cell in self.cells if cell is not None}) < 2


def rows(records: Sequence[RunRecord], origins: Sequence[str]) -> list[Row]:
    """Returns how the runs were set, then what they ran on. origins: where each comes from."""
    infos = [record.info for record in records]
    found = [
        Row("from", tuple(origins)),
        Row("began", tuple(story.started_says(info) for info in infos)),
        Row("status", tuple(info.status for info in infos)),
        Row("trials", tuple(story.counts_say(record) for record in records)),
        Row("seed", tuple(str(info.seed) for info in infos)),
        Row("budget", tuple(f"{info.budget_s:g} s" for info in infos)),
        Row("Hinterland", tuple(info.version or ABSENT for info in infos)),
    ]
    factors = dict.fromkeys(name for record in records for name in record.info.experiment.factor)
    set_to = [
        Row(_named(records, name), tuple(_levels(record, name) for record in records)) for name in factors
    ]
    return found + set_to + _machines(records)


def _named(records: Sequence[RunRecord], factor: str) -> str:
    one = next(record for record in records if factor in record.info.experiment.factor)
    return name_of(one.info.experiment, factor)


def _levels(record: RunRecord, factor: str) -> str:
    experiment = record.info.experiment
    if factor not in experiment.factor:
        return ABSENT
    return ", ".join(level_text(experiment, factor, level) for level in levels_of(record, factor)) or ABSENT


def _machines(records: Sequence[RunRecord]) -> list[Row]:
    tables = [dict(story.machine_rows(record.info.machine)) for record in records]
    names = dict.fromkeys(name for table in tables for name in table)
    return [Row(name, tuple(table.get(name, ABSENT) for table in tables)) for name in names]


def claims(records: Sequence[RunRecord]) -> list[Judged]:
    """Returns the claims of the runs, main ones first, with what each run says of it."""
    judged: list[dict[str, Verdict]] = [
        {verdict.claim: verdict for verdict in story.in_order(record.verdicts)} for record in records
    ]
    names = dict.fromkeys(name for table in judged for name in table)
    found = []
    for name in names:
        first = next(table[name] for table in judged if name in table)
        cells = tuple(_cell(table.get(name)) for table in judged)
        found.append(Judged(first.says, first.main, cells))
    return sorted(found, key=lambda each: not each.main)


def _cell(verdict: Verdict | None) -> dict[str, str] | None:
    if verdict is None:
        return None
    evidence = verdict.evidence
    return {
        "verdict": verdict.verdict,
        "word": story.WORDS[verdict.verdict],
        "figure": verdicts.estimate_text(evidence) if evidence.estimate is not None else evidence.says,
        "cause": verdict.cause,
    }


def told(records: Sequence[RunRecord], found: Sequence[Judged]) -> str:
    """Returns in a sentence whether the runs say the same."""
    shared = [each for each in found if all(cell is not None for cell in each.cells)]
    apart = sum(not each.agree for each in shared)
    if not shared:
        return "No claim was judged by all of them."
    if not apart:
        return f"They say the same of {_all(len(shared))}."
    return f"They say the same of {len(shared) - apart} of {story.counted(len(shared), 'claim')}."


def _all(count: int) -> str:
    return "the one claim that all judged" if count == 1 else f"all {count} claims that all judged"


def labels(records: Sequence[RunRecord], origins: Sequence[str]) -> list[dict[str, Any]]:
    """Returns what heads each run's column: a letter, its address, when it began, what was set for it."""
    return [
        {
            "letter": "ABCD"[place],
            "id": record.info.id,
            "when": story.started_says(record.info),
            "set": ", ".join(
                f"{name}={','.join(map(show, levels))}" for name, levels in record.info.set.items()
            ),
            "from": origin,
        }
        for place, (record, origin) in enumerate(zip(records, origins, strict=True))
    ]
