"""What the templates show, from records, manifests and the notebook. Knows no request and no response."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hinterland.drawing import numbers
from hinterland.drawing.figure import Figure
from hinterland.model.experiment import REGIONS, Experiment, Level
from hinterland.model.run import RunRecord
from hinterland.model.verdict import TrialResult
from hinterland.report import story, verdicts, weather
from hinterland.report.charts import charts, samples
from hinterland.rig.machine.availability import Availability
from hinterland.web.content import progress
from hinterland.web.reader import marks
from hinterland.web.reader.notebook import Entry, Notebook
from hinterland.web.reader.shelf import Shelved

STATES = {
    "holds": "holds",
    "refuted": "refuted",
    "inconclusive": "open",
    "predicted": "predicted, not run",
    "missing": "needs something",
    "waiting": "not run yet",
}
"""How a place is told in words; its mark differs by shape."""
SIGNS = {
    "holds": "run here: every claim holds",
    "refuted": "run here: a claim was refuted",
    "inconclusive": "run here: still open",
    "predicted": "predicted, not yet run",
    "waiting": "waiting for you",
    "missing": "lacks something on this machine",
    "planned": "not yet surveyed",
}
"""The same in the key of the map."""
WITHIN = ((1.2, "a factor of 1.2"), (1.5, "1.5"), (2.0, "2"), (3.0, "3"), (4.0, "4"), (10.0, "10"))
SURE = ((0.5, "a coin toss"), (0.7, "I think so"), (0.85, "fairly sure"), (0.97, "sure"))
STANDING = ("note", "analogy")
"""Texts beside a place: the last one stands."""
FIRST = ("protocols/nagle", "execution/blocked_loop", "execution/acceptors")
"""Where somebody begins: quick, surprising, and in need of little."""


def places(
    experiments: Iterable[Experiment],
    latest: dict[str, Shelved],
    notebook: Notebook,
    found: dict[str, Availability],
) -> list[dict[str, Any]]:
    """Returns the regions with their places, each with its state and what it lacks here."""
    regions: dict[str, list[dict[str, Any]]] = {}
    for experiment in sorted(experiments, key=lambda one: (one.position, one.id)):
        availability = found[experiment.id]
        state = "waiting"
        if experiment.id in latest:
            state = str(latest[experiment.id].word)
        elif availability.runs == "no":
            state = "missing"
        elif notebook.latest(experiment.id) is not None:
            state = "predicted"
        regions.setdefault(experiment.region, []).append(
            {"it": experiment, "state": state, "says": STATES[state], "install": _install(availability)}
        )
    order = [*REGIONS, *(name for name in regions if name not in REGIONS)]
    return [
        {"name": name, "says": REGIONS.get(name, ""), "places": regions[name]}
        for name in order
        if name in regions
    ]


def _install(found: Availability) -> str:
    return next((status.install for status in found.required if status.install), "")


def region_name(region: str) -> str:
    """Returns a region as a heading has it."""
    return "APIs" if region == "apis" else region.capitalize()


def next_place(regions: list[dict[str, Any]]) -> Experiment | None:
    """Returns the place to go to next: the first of the usual ones, else of all, that waits and can run."""
    waiting = {
        place["it"].id: place
        for region in regions
        for place in region["places"]
        if place["state"] in ("waiting", "predicted")
    }
    return next((waiting[name]["it"] for name in (*FIRST, *waiting) if name in waiting), None)


def takes(experiment: Experiment) -> str:
    """Returns how long a place takes that can run here, in words."""
    if experiment.id in FIRST:
        return "About a minute, nothing to set up."
    return f"It runs for at most {numbers.quantity(experiment.budget_s, 's')}."


def said(entry: Entry | None, experiment: Experiment) -> str:
    """Returns a prediction in words: `About 60 ms, 8 times in 10 within a factor of 2`."""
    if entry is None:
        return ""
    if entry.levels:
        marked = said(msgspec.structs.replace(entry, levels={}), experiment)
        return f"{marked}, at {at_levels(experiment, entry.levels)}"
    if entry.number is not None:
        unit = f" {experiment.prediction.unit}" if experiment.prediction.unit else ""
        return f"{entry.number:g}{unit}, 8 times in 10 within a factor of {entry.within:g}"
    if not entry.option:
        count = len(entry.marks)
        return f"{count} mark{'' if count == 1 else 's'} on the chart" if count else ""
    sure = next((words for share, words in SURE if share == entry.sure), "")
    return f"{entry.option}{f' ({sure})' if sure else ''}"


def at_levels(experiment: Experiment, levels: Mapping[str, Level]) -> str:
    """Returns levels in words: `round trip 50 ms`."""
    return ", ".join(
        f"{samples.name_of(experiment, name)} {samples.level_text(experiment, name, level)}"
        for name, level in levels.items()
    )


def live(record: RunRecord, entry: Entry | None = None) -> dict[str, Any]:
    """Returns what a page shows of a run under way: its first chart, its card, its claims, its weather.

    With the marks of `entry` the chart has them, too.
    """
    begun = any(trial.status == "done" for trial in record.trials)
    marked = entry is not None and bool(entry.marks) and bool(record.info.experiment.chart) and begun
    return {
        "figure": marks.figure(record, entry.marks) if marked and entry else first_chart(record),
        "card": card(record),
        "claims": [
            (verdict, story.WORDS[verdict.verdict], verdicts.estimate_text(verdict.evidence)
             if verdicts.drawable(verdict) else verdict.evidence.says)
            for verdict in story.in_order(record.verdicts)
        ],
        "unjudged": story.unjudged(record),
        "weather": weather.overall(record.trials),
        "noise": weather.says(record),
        "counts": story.counts_say(record),
        "progress": progress.of(record),
    }  # fmt: skip


def first_chart(record: RunRecord) -> Figure | None:
    """Returns the experiment's own first chart with the trials that are there; None before the first."""
    if not any(trial.status == "done" for trial in record.trials):
        return None
    return next(iter(charts.figures(record)), None)


def card(record: RunRecord) -> dict[str, Any]:
    """Returns blocks and treatments as a punch card: rows of cells, each a trial or one that is to come."""
    treatments = list(record.info.treatments)
    blocks = sorted({trial.block for trial in record.trials}) or [1]
    by_place: dict[tuple[int, int], TrialResult] = {}
    for trial in record.trials:
        if trial.treatment in treatments:
            by_place[trial.block, treatments.index(trial.treatment)] = trial
    return {
        "names": [_treatment_text(record, treatment) for treatment in treatments],
        "rows": [
            (block, [_cell(by_place.get((block, place))) for place in range(len(treatments))])
            for block in blocks
        ],
    }


def _cell(trial: TrialResult | None) -> tuple[str, str]:
    """Returns the kind of a cell and what it says."""
    if trial is None:
        return "none", "not run"
    if trial.status != "done":
        return trial.status, trial.cause
    return ("disturbed", trial.disturbed) if trial.disturbed else ("done", "done")


def _treatment_text(record: RunRecord, treatment: dict[str, Any]) -> str:
    """Returns what sets a treatment apart from the others, in words."""
    told = [name for name in samples.varied(record) if name in treatment] or list(treatment)
    return ", ".join(samples.level_text(record.info.experiment, name, treatment[name]) for name in told)


def when(started_at: float, now: float | None = None) -> str:
    """Returns when that was, as people say it: `12 min ago`, `yesterday`, `2026-11-30`."""
    passed = (time.time() if now is None else now) - started_at
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (86400, 3600, "h")):
        if passed < limit:
            return f"{max(0, passed) / size:.0f} {unit} ago"
    return time.strftime("%Y-%m-%d", time.localtime(started_at))


def day(at_s: float) -> str:
    """Returns the day of a moment (Unix seconds) by the reader's calendar: `2026-11-30`."""
    return time.strftime("%Y-%m-%d", time.localtime(at_s))


def told(entries: Iterable[Entry], experiments: dict[str, Experiment]) -> list[dict[str, str]]:
    """Returns what a reader said, the newest first; of notes only those that stand."""
    found, noted = [], set[tuple[str, str]]()
    for entry in reversed(list(entries)):
        it = experiments.get(entry.experiment)
        texts = dict.fromkeys(("why", *STANDING), entry.text)
        says = {**texts, "predicted": said(entry, it) if it else ""}.get(entry.kind, "")
        if entry.kind == "predicted" and it is not None and entry.marks:
            unit = it.metric[it.chart[0].metric].unit if it.chart else ""
            placed = "; ".join(
                f"{key.replace(' | ', ', ')}: {numbers.quantity(value, unit)}"
                for key, value in entry.marks.items()
            )
            says = f"{says}. {placed}" if entry.option or entry.number is not None else placed
        if entry.levels and entry.marks and it is not None:
            says = f"At {at_levels(it, entry.levels)}: {says}"
        stands = entry.kind not in STANDING or (entry.kind, entry.experiment) not in noted
        if entry.kind in STANDING:
            noted.add((entry.kind, entry.experiment))
        if says and stands:
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.t_s))
            title = it.title if it is not None else entry.experiment
            kind = {"predicted": "expected", "why": "because"}.get(entry.kind, entry.kind)
            found.append({"id": entry.experiment, "title": title, "kind": kind, "says": says, "when": day})
    return found


def as_markdown(said_so_far: list[dict[str, str]]) -> str:
    """Returns the notebook as Markdown, a section a place, in the order in which they were met."""
    places: dict[str, list[dict[str, str]]] = {}
    for each in reversed(said_so_far):
        places.setdefault(each["title"], []).append(each)
    lines = ["# Notebook", ""]
    for title, entries in places.items():
        lines += [
            f"## {title}",
            "",
            *(f"- {each['when']}, {each['kind']}: {each['says']}" for each in entries),
            "",
        ]
    return "\n".join(lines)
