"""A record from elsewhere looked through before it is let in: whole, readable, and of sane size and numbers.

What stands in `run.json`, `events.jsonl` and `verdicts.json` is written again, without control characters and
without what is true of the other machine alone (its process, where its experiment lay). Then the record is
read and drawn once, as a page would, and each history loaded.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from hinterland import catalogue
from hinterland.errors import HinterlandError, UsageError
from hinterland.exchange.text import cleaned
from hinterland.model.run import RunEvent, RunFinished, RunInfo, TrialFinished
from hinterland.model.verdict import Verdict
from hinterland.report import html, terminal
from hinterland.runner.record import histories
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.record.packet_views import packet_views

FORMAT = 2
"""The newest format of records that is read."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,150}\Z")
PLACE_ID = re.compile(r"[A-Za-z0-9_-]{1,60}/[A-Za-z0-9_-]{1,60}\Z")
TRIAL_ID = re.compile(r"b\d{1,6}-t\d{1,6}r?\Z")
LINK = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
MOST_TRIALS, MOST_TREATMENTS, MOST_CELLS = 20_000, 2_000, 200_000
LARGEST_RUN_JSON = 2 << 20
DAY_S = 86_400.0
LONGEST_S = 30 * DAY_S
MOST_CPU_S = 5.0
"""So long may a record take to be drawn: a page would take as long each time."""


def inspect(folder: Path, store: Path) -> RunInfo:
    """Returns what the record is, cleaned in its place. Raises UsageError for what can't be let in."""
    try:
        info = _run(folder, store)
        _events(folder, info)
        _verdicts(folder)
    except RecursionError as error:
        raise UsageError("The record is nested too deeply to be one.") from error
    begun_s = time.process_time()
    try:
        _drawn(folder)
    except HinterlandError:
        raise
    except Exception as error:
        raise UsageError(f"The record can't be drawn: {type(error).__name__}: {error}.") from error
    if time.process_time() - begun_s > MOST_CPU_S:
        raise UsageError(
            f"The record takes more than {MOST_CPU_S:g} s to draw: that is no run of an experiment."
        )
    return info


def _run(folder: Path, store: Path) -> RunInfo:
    path = folder / "run.json"
    if not path.is_file():
        raise UsageError(
            "The archive holds no run.json: it is no record of a run.",
            "Make one with: hinterland runs export RUN FILE.zip",
        )
    if path.stat().st_size > LARGEST_RUN_JSON:
        raise UsageError("run.json is too large to be that of a run.")
    value = _json(path.read_bytes(), "run.json")
    _known_format(value)
    info: RunInfo = _typed(value, RunInfo, "run.json")
    for problem in _wrong(info):
        raise UsageError(f"run.json: {problem}.", "It is no record that Hinterland wrote.")
    installed = next((one for one in catalogue.experiments() if one.id == info.experiment.id), None)
    # Where it lay there says nothing here, and code is never loaded from where a record says.
    here = installed.folder if installed is not None else str(store / info.id / "not-installed-here")
    status = "interrupted" if info.status == "running" else info.status
    info = replace(info, pid=0, status=status, experiment=replace(info.experiment, folder=here))
    path.write_bytes(msgspec.json.encode(info))
    return info


def _known_format(value: Any) -> None:
    form = value.get("format", FORMAT) if isinstance(value, dict) else FORMAT
    if form not in range(1, FORMAT + 1):
        version = value.get("version") or "another version"
        raise UsageError(
            f"The record has format {form!r}, written by Hinterland {version}; "
            f"formats 1 to {FORMAT} are read here.",
            "Install the Hinterland that wrote it, or a newer one.",
        )


def _wrong(info: RunInfo) -> Iterator[str]:
    """Yields what no run can be."""
    now_s = time.time()
    if not RUN_ID.match(info.id):
        yield f"id {info.id[:80]!r} is none of a run"
    if not PLACE_ID.match(info.experiment.id):
        yield f"experiment {info.experiment.id[:80]!r} is none of an atlas"
    if not 0 < info.started_at < now_s + DAY_S:
        yield f"it began at {info.started_at:g} s since 1970, which is no moment before now"
    if info.ended_at is not None and not -1 <= info.ended_at - info.started_at <= LONGEST_S:
        yield f"it took {info.ended_at - info.started_at:g} s"
    if not 0 < info.budget_s <= LONGEST_S:
        yield f"its budget is {info.budget_s:g} s"
    if not 0 < len(info.treatments) <= MOST_TREATMENTS:
        yield f"it has {len(info.treatments)} treatments"
    for chart in info.experiment.chart:
        if chart.metric not in info.experiment.metric or chart.by not in info.experiment.factor:
            yield f"it has a chart of {chart.metric[:80]!r} by {chart.by[:80]!r}, which it does not declare"
        if chart.series and chart.series not in info.experiment.factor:
            yield f"it has a chart along {chart.series[:80]!r}, which it does not declare"
    if any(set(each) != set(info.experiment.factor) for each in info.treatments):
        yield "it has a treatment that does not set each of its factors"
    for ladder in info.experiment.ladder:
        if not LINK.match(ladder.link):
            yield f"link {ladder.link[:80]!r} is none"


def _events(folder: Path, info: RunInfo) -> None:
    path, trials, finished = folder / "events.jsonl", 0, False
    content = path.read_bytes() if path.is_file() else b""
    blocks = set[int]()
    with (folder / "events.cleaned").open("wb") as out:
        # A last line that a crash cut short is no event, as for a run of one's own.
        for number, line in enumerate(content.split(b"\n")[:-1], 1):
            where = f"events.jsonl, line {number}"
            event: Any = _typed(_json(line, where), RunEvent, where)
            if isinstance(event, TrialFinished):
                trials += 1
                blocks.add(event.result.block)
                if not TRIAL_ID.match(event.result.id):
                    raise UsageError(f"{where}: trial {event.result.id[:80]!r} is none.")
                if set(event.result.treatment) != set(info.experiment.factor):
                    raise UsageError(f"{where}: the trial does not set each factor of its experiment.")
            finished = finished or isinstance(event, RunFinished)
            out.write(msgspec.json.encode(event) + b"\n")
    if trials > MOST_TRIALS or len(blocks) * len(info.treatments) > MOST_CELLS:
        raise UsageError(f"The record has {trials} trials in {len(blocks)} blocks: no run has so many.")
    if info.status == "finished" and not finished:
        raise UsageError("The record is cut short: the end of events.jsonl is missing.", "Fetch it again.")
    (folder / "events.cleaned").replace(path)


def _verdicts(folder: Path) -> None:
    path = folder / "verdicts.json"
    if path.is_file():
        found = _typed(_json(path.read_bytes(), "verdicts.json"), tuple[Verdict, ...], "verdicts.json")
        path.write_bytes(msgspec.json.encode(found))


def _drawn(folder: Path) -> None:
    """Reads and draws the record as pages do, and loads each history."""
    run = RunFolder(folder)
    record = run.record()
    for trial in record.trials:
        path = folder / "histories" / f"{trial.id}.json"
        if path.is_file():
            value = _json(path.read_bytes(), f"histories/{path.name}")
            names = [*value.get("loads", ()), *value.get("packets", ())] if isinstance(value, dict) else []
            for name in names:
                if not (isinstance(name, str) and LINK.match(name)):
                    raise UsageError(f"histories/{path.name}: {str(name)[:80]!r} names no file of a record.")
            path.write_bytes(msgspec.json.encode(value))
            histories.load(folder, trial.id)
    html.render(record, "", packet_views(record))
    terminal.render(record, width=100)


def _json(content: bytes, where: str) -> Any:
    try:
        return _finite(cleaned(msgspec.json.decode(content)), where)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{where} is no JSON: {error}.", "The archive is damaged: fetch it again."
        ) from error


def _finite(value: Any, where: str) -> Any:
    """Returns the value. Raises UsageError for numbers that no computer here counts with."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, float) and not math.isfinite(each):
            raise UsageError(f"{where} has a number that is none.")
        elif isinstance(each, int) and abs(each) >= 1 << 63:
            raise UsageError(f"{where} has a number of {len(str(each))} digits.")
    return value


def _typed(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"{where} is not as a run writes it: {error}.", "Was it made by another version?"
        ) from error
