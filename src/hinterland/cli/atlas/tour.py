"""`hinterland tour`: several experiments in a row, what each came to and what it taught."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from hinterland import catalogue, errors
from hinterland.cli.atlas.itinerary import (
    TOUR_S,
    PlannedStop,
    needs_of,
    one_of_each,
    pace_of,
    planned,
    share_s,
)
from hinterland.cli.run.command import watched_run
from hinterland.cli.run.ending import (
    document,
    exit_status,
    main_verdicts,
    worst_of_those_that_ran,
    write_report,
)
from hinterland.cli.terminal.bug import bug
from hinterland.cli.terminal.documents import TourDocument, TourStop
from hinterland.cli.terminal.options import Json, known_ids, seconds
from hinterland.cli.terminal.output import (
    VERDICT_SIGN,
    VERDICT_STYLE,
    duration,
    heading,
    paint,
    print_json,
    width,
    wrapped,
)
from hinterland.cli.terminal.store import store_option
from hinterland.errors import HinterlandError, SetupError, UsageError
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.rig.machine.availability import availability
from hinterland.runner.run import RunOptions
from hinterland.store import default_store

BUSY_PACE = 1.5


class Stop(Struct, frozen=True):
    """One stop of the tour: its exit status, and its record or the reason why there is none."""

    experiment: Experiment
    status: int
    record: RunRecord | None = None
    report: str = ""
    error: str = ""


def tour(
    *ids: Annotated[
        str, Parameter(name="ID", help="Only these experiments or regions.", completer=known_ids)
    ],
    budget: Annotated[
        str | None,
        Parameter(metavar="TIME", help="At most this long each; without it, and without names, 3m in all."),
    ] = None,
    patience: Annotated[
        str | None,
        Parameter(metavar="TIME", help="So much longer each where noise keeps claims open."),
    ] = None,
    everything: Annotated[
        bool, Parameter(name="--all", negative=(), help="Every experiment of the map.")
    ] = False,
    json: Json = False,
) -> int:
    """Run one experiment of each region: verdicts, and what was learned.

    It takes what this machine can run, the surest first, and three minutes in all. Names of experiments or
    regions choose others, --all takes every one; they get their own budgets. Goes on after one that fails.
    The exit status is the worst of those that ran, 69 if none could.
    """
    stops_to_come = wanted(ids, everything)
    if not stops_to_come:
        raise SetupError("There is no experiment that can run here.", "See: hinterland doctor")
    budget_s = seconds(budget) if budget is not None else None
    in_all_s = None if ids or everything or budget_s else TOUR_S
    if not json:
        print("\n".join(beginning(stops_to_come, budget_s, in_all_s)), flush=True)
    patience_s = seconds(patience, "patience") if patience is not None else 0.0
    stops = list(made(stops_to_come, budget_s, in_all_s, patience_s, json))
    status = worst_of_those_that_ran([one.status for one in stops])
    if json:
        print_json(TourDocument(status, tuple(map(stop_document, stops))))
    else:
        print("\n".join(["", *ending(stops, stops_to_come)]))
    return status


def wanted(ids: tuple[str, ...], everything: bool) -> list[PlannedStop]:
    """Returns the stops. Raises UsageError for names beside --all, and for names that are none."""
    if everything and ids:
        raise UsageError(f"--all and {' '.join(ids)} can't stand together.", "Give one of them.")
    if not everything and not ids:
        return one_of_each(catalogue.experiments())
    chosen = catalogue.experiments() if everything else [one for name in ids for one in named(name)]
    return [planned(one, availability(one)) for one in chosen]


def named(name: str) -> list[Experiment]:
    """Returns the experiments of a region, or the one with that id. Raises UsageError when there is none."""
    return [one for one in catalogue.experiments() if one.region == name] or [catalogue.find(name)]


def beginning(chosen: Sequence[PlannedStop], budget_s: float | None, in_all_s: float | None) -> Iterator[str]:
    """Yields what is to come: how much, how long, and what takes the place of what can't run here."""
    longest_s = in_all_s or sum(budget_s or one.experiment.budget_s for one in chosen)
    count = f"{len(chosen)} experiment{'' if len(chosen) == 1 else 's'}"
    yield f"{count}, at most {duration(longest_s)} in all. Ctrl-C ends the tour."
    for one in chosen:
        if one.instead_of:
            says = f"{one.experiment.id} stands for {one.instead_of}, which this machine can't run whole"
            yield paint(wrapped(f"{says}. It needs {one.why}"), "dim")


def made(
    chosen: Sequence[PlannedStop],
    budget_s: float | None,
    in_all_s: float | None,
    patience_s: float,
    json: bool,
) -> Iterator[Stop]:
    """Makes one stop after the other, and yields each; ends early by Ctrl-C, or when the time is up."""
    began_s = time.monotonic()
    records: list[RunRecord] = []
    for number, one in enumerate(chosen):
        this_s = budget_s
        if in_all_s is not None:
            left_s = in_all_s - (time.monotonic() - began_s)
            this_s = share_s(left_s, one, chosen[number + 1 :], pace_of(records))
            if not this_s:
                continue
        if not json:
            print(f"\n{rule(f'{number + 1} of {len(chosen)}  {one.experiment.id}')}")
            print(wrapped(one.experiment.question), flush=True)
        ended = stop(one, this_s, patience_s, json)
        if not json:
            print("\n".join(told(ended)), flush=True)
        yield ended
        if ended.record is not None:
            records.append(ended.record)
        if ended.status == errors.INTERRUPTED:
            return


def stop(one: PlannedStop, budget_s: float | None, patience_s: float, json: bool) -> Stop:
    """Runs one experiment; an error becomes part of the stop, so that the tour goes on."""
    try:
        if one.found.runs == "no":
            error = f"can't run here. It needs {needs_of(one.found)}"
            return Stop(one.experiment, errors.SETUP, error=error)
        options = RunOptions(budget_s=budget_s, patience_s=patience_s, store=default_store())
        record = watched_run(one.experiment, options, json=json)
        return Stop(one.experiment, exit_status(record), record, str(write_report(record)))
    except HinterlandError as error:
        return Stop(one.experiment, error.exit_status, error=str(error))
    except Exception as error:
        return Stop(one.experiment, errors.INTERNAL, error=str(bug(error)))


def told(stop: Stop) -> list[str]:
    """Returns the lines after one stop: its main verdicts and where its report is."""
    if stop.record is None:
        return ["", paint(wrapped(stop.error) if stop.status == errors.SETUP else stop.error, "red")]
    lines = [""]
    for verdict in main_verdicts(stop.record):
        sign = f"{VERDICT_SIGN[verdict.verdict]} {verdict.verdict}"
        lines.append(f"{paint(sign, VERDICT_STYLE[verdict.verdict])}  {verdict.claim}")
        lines.append(wrapped(verdict.evidence.says or verdict.says, 4))
        if verdict.cause:
            lines.append(wrapped(f"because: {verdict.cause}", 4))
    return [*lines, "", paint(f"Report: {stop.report}", "dim")]


def ending(stops: Sequence[Stop], chosen: Sequence[PlannedStop]) -> Iterator[str]:
    """Yields what was learned, a paragraph a stop, what was not reached, and what to do next."""
    yield rule("What was learned")
    for one in stops:
        yield f"{paint(one.experiment.id, 'cyan')}  {outcome(one)}"
        if one.record is not None:
            yield wrapped(one.experiment.learned, 4)
    reached = {one.experiment.id for one in stops}
    left = [one.experiment for one in chosen if one.experiment.id not in reached]
    for experiment in left:
        yield f"{paint(experiment.id, 'cyan')}  {paint('not reached', 'dim')}"
    pace = pace_of([one.record for one in stops if one.record is not None])
    if left and pace >= BUSY_PACE:
        says = f"Trials took {pace:.1f} times as long as on a quiet machine of two cores."
        yield wrapped(f"{says} See: hinterland doctor", 4)
    yield ""
    yield heading("Next")
    yield from (f"  {line}" for line in next_steps(stops, left))


def next_steps(stops: Sequence[Stop], left: Sequence[Experiment]) -> Iterator[str]:
    """Yields commands to copy, each with what it does; `left` is what was not reached."""
    ran = [(one.experiment, one.record) for one in stops if one.record is not None]
    steps = []
    if ran:
        first, last = ran[0][0], ran[-1][0]
        steps.append((f"report {last.name} --open{store_option()}", "the last report, in a browser"))
        steps.append((f"show {first.id} --lesson", "why it came out so, and where it bit someone"))
    for experiment, record in ran:
        if any(verdict.verdict == "inconclusive" for verdict in main_verdicts(record)):
            steps.append((f"run {experiment.id}{store_option()}", "more time for what stayed open"))
            break
    if left:
        steps.append((f"run {left[0].id}{store_option()}", "what was not reached"))
    steps.append(("list", "the whole map"))
    column = max(len(text) for text, _ in steps)
    for text, says in steps:
        line = f"{command()} {text.ljust(column)}"
        yield f"{line}  {paint(says, 'dim')}" if len(line) + len(says) + 4 <= width() else line.rstrip()


def command() -> str:
    """Returns how this program is called here: by its name where the shell finds it, else by its path."""
    if shutil.which("hinterland") or not sys.argv[0].endswith("hinterland"):
        return "hinterland"
    return os.path.relpath(sys.argv[0])


def outcome(stop: Stop) -> str:
    """Returns what became of a stop's main claims: `✓ 4 hold  ? 1 inconclusive`."""
    if stop.record is None:
        return paint("did not run", "red")
    if stop.status == errors.INTERRUPTED:
        return paint("interrupted", "yellow")
    words = {"holds": "hold", "refuted": "refuted", "inconclusive": "inconclusive"}
    parts = []
    for word, plural in words.items():
        count = sum(verdict.verdict == word for verdict in main_verdicts(stop.record))
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
    return TourStop(one.experiment.id, one.status, run, one.error)
