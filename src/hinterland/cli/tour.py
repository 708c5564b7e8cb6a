"""`hinterland tour`: several experiments in a row, what each came to and what it taught."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from hinterland import catalogue, errors
from hinterland.cli.bug import bug
from hinterland.cli.documents import TourDocument, TourStop
from hinterland.cli.ending import document, exit_status, worst, write_report
from hinterland.cli.options import Json, known_ids, seconds
from hinterland.cli.output import (
    VERDICT_SIGN,
    VERDICT_STYLE,
    duration,
    heading,
    paint,
    print_json,
    width,
    wrapped,
)
from hinterland.cli.run import watched_run
from hinterland.cli.store import store_option
from hinterland.errors import HinterlandError, SetupError, UsageError
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.rig.availability import availability
from hinterland.runner.record import default_store
from hinterland.runner.run import RunOptions


class Stop(Struct, frozen=True):
    """One stop of the tour: its exit status, and its record or the reason why there is none."""

    experiment: str
    status: int
    record: RunRecord | None = None
    report: str = ""
    error: str = ""


def tour(
    *ids: Annotated[
        str, Parameter(name="ID", help="Only these experiments or regions.", completer=known_ids)
    ],
    budget: Annotated[
        str | None, Parameter(metavar="TIME", help="At most this long each; their own budgets without it.")
    ] = None,
    everything: Annotated[
        bool, Parameter(name="--all", negative=(), help="Every experiment of the map.")
    ] = False,
    json: Json = False,
) -> int:
    """Run the first experiment of each region: verdicts, what was learned, and a table at the end.

    Names of experiments or regions choose others, --all takes every one. Goes on after one that fails. The
    exit status is the worst of theirs.
    """
    chosen = wanted(ids, everything)
    if not chosen:
        raise SetupError("There is no experiment to run.", "See: hinterland list")
    budget_s = seconds(budget) if budget is not None else None
    if not json:
        longest = sum(budget_s or one.budget_s for one in chosen)
        count = f"{len(chosen)} experiment{'' if len(chosen) == 1 else 's'}"
        print(f"{count}, at most {duration(longest)} in all. Ctrl-C ends the tour.")
    stops = []
    for number, one in enumerate(chosen, start=1):
        if not json:
            print(f"\n{rule(f'{number} of {len(chosen)}  {one.id}')}")
            print(wrapped(one.question), flush=True)
        stops.append(stop(one, budget_s, json))
        if not json:
            print("\n".join(told(one, stops[-1])), flush=True)
        if stops[-1].status == errors.INTERRUPTED:
            break
    status = worst([one.status for one in stops])
    if json:
        print_json(TourDocument(status, tuple(map(stop_document, stops))))
    else:
        print("\n".join(["", *table(stops, chosen)]))
    return status


def wanted(ids: tuple[str, ...], everything: bool) -> list[Experiment]:
    """Returns the stops. Raises UsageError for names beside --all, and for names that are none."""
    if everything and ids:
        raise UsageError(f"--all and {' '.join(ids)} can't stand together.", "Give one of them.")
    if everything:
        return list(catalogue.experiments())
    return [one for name in ids for one in named(name)] or one_of_each(list(catalogue.experiments()))


def one_of_each(experiments: list[Experiment]) -> list[Experiment]:
    """Returns the first of each region, in the order in which they come."""
    first: dict[str, Experiment] = {}
    for one in experiments:
        first.setdefault(one.region, one)
    return list(first.values())


def named(name: str) -> list[Experiment]:
    """Returns the experiments of a region, or the one with that id. Raises UsageError when there is none."""
    return [one for one in catalogue.experiments() if one.region == name] or [catalogue.find(name)]


def stop(experiment: Experiment, budget_s: float | None, json: bool) -> Stop:
    """Runs one experiment; an error becomes part of the stop, so that the tour goes on."""
    try:
        lacking = availability(experiment).required
        if lacking:
            needs = "; ".join(f"{status.need}: {status.install}" for status in lacking)
            return Stop(experiment.id, errors.SETUP, error=f"can't run here. It needs {needs}")
        options = RunOptions(budget_s=budget_s, store=default_store())
        record = watched_run(experiment, options, json=json)
        return Stop(experiment.id, exit_status(record), record, str(write_report(record)))
    except HinterlandError as error:
        return Stop(experiment.id, error.exit_status, error=str(error))
    except Exception as error:
        return Stop(experiment.id, errors.INTERNAL, error=str(bug(error)))


def told(experiment: Experiment, stop: Stop) -> list[str]:
    """Returns the lines after one stop: verdicts, what was learned, the report."""
    if stop.record is None:
        return ["", paint(stop.error, "red")]
    lines = [""]
    for verdict in stop.record.verdicts:
        sign = f"{VERDICT_SIGN[verdict.verdict]} {verdict.verdict}"
        lines.append(f"{paint(sign, VERDICT_STYLE[verdict.verdict])}  {verdict.claim}")
        lines.append(wrapped(verdict.evidence.says or verdict.says, 4))
        if verdict.cause:
            lines.append(wrapped(f"because: {verdict.cause}", 4))
    lines += ["", wrapped(f"Learned: {experiment.learned}"), paint(f"Report:  {stop.report}", "dim")]
    return lines


def table(stops: list[Stop], chosen: list[Experiment]) -> list[str]:
    """Returns the summary: one line a stop, and those never reached."""
    column = max(len(one.id) for one in chosen)
    lines = [rule("The tour")]
    lines += [f"  {one.experiment.ljust(column)}  {outcome(one)}" for one in stops]
    lines += [f"  {one.id.ljust(column)}  {paint('not reached', 'dim')}" for one in chosen[len(stops) :]]
    if any(one.record is not None for one in stops):
        lines += [
            "",
            f"  hinterland report last --open{store_option()}",
            f"  hinterland runs{store_option()}",
        ]
    return lines


def outcome(stop: Stop) -> str:
    """Returns what one stop came to: `✓ 4 hold  ? 1 inconclusive`."""
    if stop.record is None:
        return paint("did not run", "red")
    if stop.status == errors.INTERRUPTED:
        return paint("interrupted", "yellow")
    words = {"holds": "hold", "refuted": "refuted", "inconclusive": "inconclusive"}
    parts = []
    for word, plural in words.items():
        count = sum(verdict.verdict == word for verdict in stop.record.verdicts)
        if count:
            text = f"{VERDICT_SIGN[word]} {count} {word if count == 1 else plural}"
            parts.append(paint(text, VERDICT_STYLE[word]))
    return "  ".join(parts)


def rule(title: str) -> str:
    """Returns a title over the whole width."""
    line = "─" * max(3, min(width(), 80) - len(title) - 4)
    return f"{paint('──', 'dim')} {heading(title)} {paint(line, 'dim')}"


def stop_document(one: Stop) -> TourStop:
    """Returns one stop as `tour --json` prints it."""
    run = document(one.record) if one.record is not None else None
    return TourStop(one.experiment, one.status, run, one.error)
