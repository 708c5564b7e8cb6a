"""One place of the atlas: what its reader expects, and writes beside it."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hinterland.drawing.figure import Figure
from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment
from hinterland.report import story
from hinterland.web.content import glossary, lesson, settings, views
from hinterland.web.pages import due, prediction
from hinterland.web.pages.site import Site, experiment_of, form_of, page, site_of
from hinterland.web.reader import marks
from hinterland.web.reader.notebook import Entry
from hinterland.web.reader.shelf import Shelved, folder_of


async def experiment(request: Request) -> Response:
    """A place: sealed until its reader has predicted, or wants to see without."""
    wanted = settings.asked(request.query_params.multi_items())
    return shown(site_of(request), experiment_of(request), wanted=wanted)


def shown(
    site: Site,
    it: Experiment,
    *,
    problem: str = "",
    given: dict[str, str] | None = None,
    unfit: str = "",
    wanted: settings.Asked | None = None,
) -> Response:
    """Returns the page of a place, with what was wrong with a form and what its reader had written in it.

    unfit: why a run can't be started with the levels `wanted`, which are shown in its form.
    """
    is_open = site.notebook.is_open(it.id)
    runs = [run for run in site.shelf.runs() if run.experiment == it.id]
    page_of: dict[str, Any] = {
        "it": it,
        "before": glossary.linked(lesson.before(it), first := set[str]()),
        "open": is_open,
        "found": site.available(it),
        "runs": [(run, views.when(run.started_at)) for run in runs] if is_open else [],
        "nonce": secrets.token_urlsafe(12),
        "within": views.WITHIN,
        "sheet": None if is_open else marks.sheet(it),
        "sure": views.SURE,
        "problem": problem,
        "given": defaultdict(str, given or {}),
    }
    if is_open:
        latest = next((run for run in runs if run.status != "running" and run.word), None)
        page_of |= {
            "marked": _marked(site, it, latest),
            "said": views.said(site.notebook.latest(it.id), it),
            "why": site.notebook.latest(it.id, "why"),
            "latest": latest,
            "answer": story.answer(it.prediction),
            "after": glossary.linked(lesson.after(it), first),
            "levels": settings.fields(it, site.available(it), wanted or {}),
            "levels_open": bool(wanted),
            "unfit": unfit,
            "note": site.notebook.latest(it.id, "note"),
            "analogy": site.notebook.latest(it.id, "analogy"),
            "due": due.of_place(site, it),
        }
    return page("experiment.html.j2", 400 if problem or unfit else 200, **page_of)


def _marked(site: Site, it: Experiment, latest: Shelved | None) -> Figure | None:
    """Returns the reader's marks on the chart, beside what the newest run measured; None without marks."""
    entry = site.notebook.latest(it.id)
    if entry is None or not entry.marks or not marks.rows(it):
        return None
    folder = folder_of(site.store, latest.id) if latest is not None else None
    record = folder.record() if folder is not None else marks.unrun(it)
    return marks.figure(record if record.info.experiment.chart else marks.unrun(it), entry.marks)


async def predict(request: Request) -> Response:
    """Keeps what the reader expects, and runs the experiment where the form asks for that."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    nonce = given.get("run", "")[:64]
    if nonce and site.runs.ticket(nonce) is not None:
        # A double click is one prediction, and one run.
        return RedirectResponse(f"/waiting/{nonce}", 303)
    if "skip" in given:
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="skipped"))
        return RedirectResponse(f"/{it.id}#go", 303)
    try:
        entry = prediction.read(it, given)
    except UsageError as error:
        return shown(site, it, problem=error.says, given=given)
    site.notebook.add(entry)
    if given.get("why"):
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="why", text=given["why"]))
    if nonce and site.available(it).runs != "no":
        return RedirectResponse(f"/waiting/{site.runs.ask(it.id, nonce).nonce}", 303)
    return RedirectResponse(f"/{it.id}#go", 303)


async def analogy(request: Request) -> Response:
    """Keeps the reader's own analogy, beside the lesson's."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    text = given.get("analogy", "")
    site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="analogy", text=text))
    return RedirectResponse(f"/{it.id}#analogy", 303)


async def note(request: Request) -> Response:
    """Keeps what the reader writes beside a place."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="note", text=given.get("note", "")))
    return RedirectResponse(f"/{it.id}#note", 303)
