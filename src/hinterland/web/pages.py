"""The pages: what is asked for, looked up, and shown. Each handler answers one address."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from hinterland import catalogue
from hinterland.drawing.template import template
from hinterland.errors import HinterlandError, UsageError
from hinterland.model.experiment import REGIONS, Experiment
from hinterland.model.run import RunRecord
from hinterland.report import html, story
from hinterland.rig.machine.availability import Availability, availability
from hinterland.runner import plan
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.record.packet_views import packet_views
from hinterland.web import atlas, calibration, lesson, marks, paths, views
from hinterland.web.calibration import Calibration
from hinterland.web.notebook import LONGEST_TEXT, Entry, Notebook
from hinterland.web.runs import Runs, Ticket, as_settings
from hinterland.web.shelf import Shelf, folder_of
from hinterland.web.stream import followed

PACKAGE = "hinterland.web"
MOST_LISTED = 200


class Site:
    """What the handlers share: the store, its runs, the reader's notebook."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.notebook, self.shelf, self.runs = Notebook(store), Shelf(store), Runs(store)
        self.calibration = Calibration(self.shelf)
        self._availability: dict[str, Availability] = {}

    def available(self, experiment: Experiment) -> Availability:
        """Returns what of an experiment runs here; looked up once, for it takes a while."""
        if experiment.id not in self._availability:
            self._availability[experiment.id] = availability(experiment)
        return self._availability[experiment.id]


def site_of(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def page(name: str, code: int = 200, **shown: Any) -> HTMLResponse:
    return HTMLResponse(template(PACKAGE, name).render(regions_of=REGIONS, **shown), code)


def places_of(site: Site) -> list[dict[str, Any]]:
    """Returns the regions of the atlas with their places, as far as this reader is."""
    found = catalogue.experiments()
    available = {one.id: site.available(one) for one in found}
    return views.places(found, site.shelf.latest(), site.notebook, available)


def states_of(regions: list[dict[str, Any]]) -> dict[str, str]:
    return {place["it"].id: place["state"] for region in regions for place in region["places"]}


async def home(request: Request) -> Response:
    """The atlas: every place, and how far this reader is; or one region of it."""
    regions = places_of(site_of(request))
    chosen = request.path_params.get("region", "")
    if chosen and chosen not in atlas.drawn()["regions"]:
        raise HTTPException(404, f"There is no region {chosen} on this map.")
    following, states = views.beginning(regions), states_of(regions)
    titles = {one.id: one.title for one in catalogue.experiments()}
    mapped = atlas.shown(states, titles, following)
    return page(
        "home.html.j2",
        regions=[region for region in regions if chosen in ("", region["name"])],
        next=following,
        states=views.STATES,
        map=mapped,
        view=atlas.drawn()["regions"][chosen]["box"] if chosen else [0, 0, *mapped["size"]],
        near=bool(chosen),
        surveyed=len(states),
        yours=sum(state in views.WORST for state in states.values()),
    )


async def ways(request: Request) -> Response:
    """The paths through the atlas."""
    regions = places_of(site_of(request))
    titles = {one.id: one.title for one in catalogue.experiments()}
    return page("paths.html.j2", paths=paths.walked(states_of(regions), titles), states=views.STATES)


def experiment_of(request: Request) -> Experiment:
    name = f"{request.path_params['region']}/{request.path_params['name']}"
    found = next((one for one in catalogue.experiments() if one.id == name), None)
    if found is None:
        raise HTTPException(404, f"There is no place {name} in this atlas.")
    return found


async def experiment(request: Request) -> Response:
    """One place: sealed until its reader has predicted, or wants to see without."""
    site, it = site_of(request), experiment_of(request)
    is_open = site.notebook.is_open(it.id)
    runs = [run for run in site.shelf.runs() if run.experiment == it.id]
    shown: dict[str, Any] = {
        "it": it,
        "before": lesson.before(it),
        "open": is_open,
        "found": site.available(it),
        "runs": [(run, views.when(run.started_at)) for run in runs] if is_open else [],
        "nonce": secrets.token_urlsafe(12),
        "within": views.WITHIN,
        "sheet": None if is_open else marks.sheet(it),
        "sure": views.SURE,
    }
    if is_open:
        shown |= {
            "said": views.said(site.notebook.latest(it.id), it),
            "why": site.notebook.latest(it.id, "why"),
            "latest": next((run for run in runs if run.status != "running" and run.word), None),
            "answer": story.answer(it.prediction),
            "after": lesson.after(it),
            "note": site.notebook.latest(it.id, "note"),
        }
    return page("experiment.html.j2", **shown)


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of a form. Raises HTTPException for what is none."""
    try:
        pairs = parse_qsl((await request.body()).decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise HTTPException(400, "That is not a form.") from None
    return {name: value.strip()[:LONGEST_TEXT] for name, value in pairs}


async def predict(request: Request) -> Response:
    """Keeps what the reader expects. It opens the page."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    if "skip" in given:
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="skipped"))
        return RedirectResponse(f"/{it.id}#go", 303)
    site.notebook.add(_prediction(it, given))
    if given.get("why"):
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="why", text=given["why"]))
    return RedirectResponse(f"/{it.id}#go", 303)


def _prediction(it: Experiment, given: dict[str, str]) -> Entry:
    """Returns what the form says: an answer, or marks, or both. Raises HTTPException for neither."""
    try:
        marked = marks.given(it, given)
    except ValueError as error:
        raise HTTPException(400, f"A mark is a number on the axis: {error}.") from None
    option = given.get("option", "")
    if option and option not in it.prediction.options:
        raise HTTPException(400, "Choose one of the answers, or go on without.")
    number = None if it.prediction.options else _number(given.get("number", ""))
    if not option and number is None and not marked:
        raise HTTPException(400, "Give an answer or place a mark, or go on without predicting.")
    within = _one_of(given.get("within"), [factor for factor, _ in views.WITHIN])
    sure = _one_of(given.get("sure"), [share for share, _ in views.SURE]) if option else 0.0
    return Entry(
        t_s=time.time(), experiment=it.id, kind="predicted",
        option=option, sure=sure, number=number, marks=marked, within=within,
    )  # fmt: skip


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise HTTPException(400, "Write a number, such as 60 or 0.5.") from None
    # Times, ratios, counts: nothing that is asked for lies below zero.
    if not 0 <= number < 1e15:
        raise HTTPException(400, "Write a number that this can be.")
    return number


def _one_of(text: str | None, values: list[float]) -> float:
    found = next((value for value in values if text == f"{value:g}"), None)
    if found is None:
        raise HTTPException(400, "Say how sure you are.")
    return found


async def note(request: Request) -> Response:
    """Keeps what the reader writes beside a place."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="note", text=given.get("note", "")))
    return RedirectResponse(f"/{it.id}#note", 303)


async def notebook(request: Request) -> Response:
    """All that the reader said, the newest first: as a page, as Markdown, or as JSON."""
    site = site_of(request)
    atlas_of = {one.id: one for one in catalogue.experiments()}
    told = views.told(site.notebook.entries(), atlas_of)
    match request.path_params.get("form", ""):
        case "json":
            return Response(msgspec.json.encode(site.notebook.entries()), media_type="application/json")
        case "md":
            return PlainTextResponse(views.as_markdown(told), media_type="text/markdown")
        case "":
            found = site.calibration.all(site.notebook.entries(), atlas_of)
            return page("notebook.html.j2", told=told, met=found, sure=calibration.told(found))
    raise HTTPException(404, "The notebook comes as notebook.md and notebook.json.")


async def run(request: Request) -> Response:
    """Starts a run. The same form sent twice is one run."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    nonce = given.get("nonce", "")
    if not nonce:
        raise HTTPException(400, "This form is not complete. Open the page again.")
    if site.available(it).runs == "no":
        raise HTTPException(409, f"{it.title} can't run here: the page says what it needs.")
    levels = {name: given.get(f"set-{name}", "") for name in it.factor}
    settings = as_settings(levels)
    # Said here, where the form still is, and not by the run.
    plan.settings(it, settings)
    ticket = site.runs.ask(it.id, nonce[:64], settings)
    return RedirectResponse(f"/waiting/{ticket.nonce}", 303)


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
    entry = site.notebook.latest(it.id, before_s=started_s)
    # What is written from here on comes by the stream.
    place = 0 if finished else folder.written()
    shown = page(
        "run.html.j2",
        it=it,
        info=record.info,
        finished=finished,
        place=place,
        status=story.status_says(record.info),
        live=views.live(record, entry),
        gap=_gap(record, entry),
        right=entry is not None and bool(entry.option) and bool(it.prediction.correct),
        entry=entry,
        said=views.said(entry, it),
        why=site.notebook.latest(it.id, "why", before_s=started_s),
        answer=story.answer(it.prediction),
        verdicts=[html.verdict_view(each, n) for n, each in enumerate(story.in_order(record.verdicts), 1)],
        after=lesson.after(it) if finished else [],
        nonce=secrets.token_urlsafe(12),
    )
    if not site.notebook.is_open(it.id):
        # Who looks at a run has seen what there is to see.
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="skipped"))
    return shown


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
    entry = site_of(request).notebook.latest(info.experiment.id, before_s=info.started_at)
    return page("live.html.j2", live=views.live(record, entry))


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
    path = Path(record.info.experiment.folder) / "lesson.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    answer = HTMLResponse(html.render(record, text, packet_views(record)))
    # It has its own, stricter, inside.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return answer


async def runs(request: Request) -> Response:
    """All runs of this store, the newest first."""
    found = site_of(request).shelf.runs()
    shown = [(run, views.when(run.started_at)) for run in found[:MOST_LISTED]]
    return page("runs.html.j2", runs=shown, all=len(found), words=story.WORDS)


async def refused(request: Request, error: Exception) -> Response:
    """An error as a page: what is wrong, and where to go on."""
    if isinstance(error, HTTPException):
        return page("message.html.j2", error.status_code, says=error.detail, next="")
    assert isinstance(error, HinterlandError)
    status = 400 if isinstance(error, UsageError) else 503
    return page("message.html.j2", status, says=error.says, next=error.next_step)
