"""A run from its form to its verdict, and all that there are."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from hinterland import catalogue
from hinterland.exchange.taking import Taken
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.report import answer as told
from hinterland.report import html, story
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.record.imported import imported
from hinterland.runner.record.packet_views import packet_views
from hinterland.web.content import glossary, lesson, progress, views
from hinterland.web.pages import afterwards
from hinterland.web.pages.home import places_of
from hinterland.web.pages.site import Site, page, site_of
from hinterland.web.reader import again, marks
from hinterland.web.reader.answers import judged
from hinterland.web.reader.notebook import Entry
from hinterland.web.reader.shelf import folder_of
from hinterland.web.running.runs import Ticket
from hinterland.web.running.stream import followed

MOST_LISTED = 200
WHY = "Why"
"""The section of a lesson that stands beside what the reader thought."""


async def waiting(request: Request) -> Response:
    """The time between asking for a run and its first line: then the page is the run's."""
    site = site_of(request)
    ticket = site.runs.ticket(request.path_params["nonce"])
    if ticket is None:
        raise HTTPException(404, "Nobody asked for this run, or the server was started anew since.")
    if ticket.run:
        return RedirectResponse(f"/runs/{ticket.run}", 303)
    it = catalogue.find(ticket.experiment)
    shown = page("waiting.html.j2", it=it, ticket=ticket, before=site.runs.before(ticket))
    if not ticket.ended:
        # Without a script as well: the page asks again by itself.
        shown.headers["Refresh"] = "1"
    return shown


def today(recorded: Experiment) -> Experiment:
    """Returns the experiment as it is asked today; as it was recorded where it is not installed here."""
    return next((one for one in catalogue.experiments() if one.id == recorded.id), recorded)


def record_of(request: Request) -> tuple[RunFolder, RunRecord]:
    folder = folder_of(site_of(request).store, request.path_params["run"])
    if folder is None:
        raise HTTPException(404, "There is no such run in this store.")
    return folder, folder.record()


async def watch(request: Request) -> Response:
    """A run: its trials as they land, then what it came to."""
    site, (folder, record) = site_of(request), record_of(request)
    it = today(record.info.experiment)
    finished = record.info.status != "running"
    # What was said after the start is hindsight, and no prediction of this run.
    started_s = record.info.started_at
    entry = again.prediction_of(site.notebook, record.info, it)
    found = None if entry is None else judged(entry, record, it.prediction)
    # What is written from here on comes by the stream.
    place = 0 if finished else folder.written()
    live = views.live(record, entry)
    parts = glossary.linked(lesson.after(it), set()) if finished else []
    shown = page(
        "run.html.j2",
        it=it,
        info=record.info,
        finished=finished,
        place=place,
        status=story.status_says(record.info),
        live=live,
        cost=site.cost.share(),
        clock=progress.clock(live["progress"].elapsed_s, live["progress"].budget_s),
        gap=_gap(record, entry),
        again=views.at_levels(it, entry.levels) if entry else "",
        met=found,
        # What a choice came to stands beside it already.
        here=found.says
        if found and (found.hit is None or not it.prediction.options)
        else told.told(record, it.prediction),
        said=views.said(entry, it),
        why=site.notebook.latest(it.id, "why", before_s=started_s),
        answer=story.answer(it.prediction),
        verdicts=[html.verdict_view(each, n) for n, each in enumerate(story.in_order(record.verdicts), 1)],
        after=[part for part in parts if part[0] != WHY],
        afterwards=afterwards.shown(site, folder, record, it) if finished else None,
        why_ours=next((body for heading, body in parts if heading == WHY), ""),
        next=views.next_place(places_of(site)) if finished else None,
        installed=it.id in {one.id for one in catalogue.experiments()},
        origin=imported(folder.path),
        when=views.when,
        nonce=secrets.token_urlsafe(12),
    )
    seen(site, it)
    return shown


def seen(site: Site, it: Experiment) -> None:
    """Opens a place: who looks at one of its runs has seen what there is to see."""
    if not site.notebook.is_open(it.id):
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="skipped"))


def _gap(record: RunRecord, entry: Entry | None) -> str:
    """Returns how far the reader's marks lie from this run, in words; empty without marks."""
    experiment = today(record.info.experiment)
    if entry is None or not entry.marks or not experiment.chart or experiment.prediction.axis is None:
        return ""
    found = marks.gap(entry.marks, marks.measured(record), log=experiment.prediction.axis[0] > 0)
    return "" if found is None else marks.told(found, experiment.metric[experiment.chart[0].metric].unit)


async def now(request: Request) -> Response:
    """The part of a run's page that changes while it goes on."""
    _, record = record_of(request)
    info = record.info
    entry = again.prediction_of(site_of(request).notebook, info, today(info.experiment))
    only = request.query_params.get("only", "")
    return page("live.html.j2", live=views.live(record, entry), cost=site_of(request).cost.share(), only=only)


async def events(request: Request) -> Response:
    """The run's events from a place on, which a page that comes back says itself."""
    folder = folder_of(site_of(request).store, request.path_params["run"])
    if folder is None:
        raise HTTPException(404, "There is no such run in this store.")
    last = request.headers.get("last-event-id") or request.query_params.get("from", "0")
    offset = int(last) if last.isdigit() and len(last) < 16 else 0
    return StreamingResponse(
        followed(folder, offset, request.app.state.stopping),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def stop(request: Request) -> Response:
    """Ends a run that was asked for here; its trials stay."""
    site, name = site_of(request), request.path_params["run"]
    ticket: Ticket | None = site.runs.of_run(name) or site.runs.ticket(name)
    if ticket is None:
        raise HTTPException(409, "This run was started elsewhere: it can be stopped there, with Ctrl-C.")
    site.runs.stop(ticket)
    return RedirectResponse(f"/runs/{name}" if ticket.run else f"/{ticket.experiment}", 303)


async def report(request: Request) -> Response:
    """The whole report, as `hinterland report` writes it."""
    _, record = record_of(request)
    seen(site_of(request), today(record.info.experiment))
    path = Path(record.info.experiment.folder) / "lesson.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    answer = HTMLResponse(html.render(record, text, packet_views(record)))
    # It has its own, stricter, inside.
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; font-src data:"
    )
    return answer


async def runs(request: Request) -> Response:
    """All runs of this store, the newest first, also those that were taken in from elsewhere."""
    return listed(site_of(request))


def listed(site: Site, *, problem: str = "", taken: Taken | None = None, code: int = 400) -> Response:
    """Returns the page of runs, with what became of a record that was to be taken in."""
    found = site.shelf.everything()
    shown = [(run, views.when(run.started_at)) for run in found[:MOST_LISTED]]
    return page(
        "runs.html.j2",
        code if problem else 200,
        runs=shown,
        all=len(found),
        words=story.WORDS,
        problem=problem,
        taken=taken,
    )
