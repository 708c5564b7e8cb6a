"""The notebook: as a page, as Markdown, as JSON, for Anki; its analogies, and how sure its reader was."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hinterland import catalogue
from hinterland.model.experiment import REGIONS, Experiment
from hinterland.report import markdown
from hinterland.web.content import lesson, notes, views
from hinterland.web.pages.site import Site, page, site_of
from hinterland.web.reader import anki as cards
from hinterland.web.reader import calibration


def _atlas() -> dict[str, Experiment]:
    return {one.id: one for one in catalogue.experiments()}


async def notebook(request: Request) -> Response:
    """All that the reader said, the newest first: as a page, as Markdown, or as JSON."""
    site, atlas_of = site_of(request), _atlas()
    told = views.told(site.notebook.entries(), atlas_of)
    match request.path_params.get("form", ""):
        case "json":
            return Response(msgspec.json.encode(site.notebook.entries()), media_type="application/json")
        case "md":
            return PlainTextResponse(views.as_markdown(told), media_type="text/markdown")
        case "":
            found = site.calibration.all(site.notebook.entries(), atlas_of)
            taken = request.query_params.get("taken", "")
            return page(
                "notebook.html.j2",
                told=told,
                met=found,
                sure=calibration.told(found),
                days=[views.day(each.at_s) for each in (found[0], found[-1])] if found else [],
                regions=calibration.by_region(found),
                taken=int(taken) if taken.isdecimal() and len(taken) < 6 else None,
            )
    raise HTTPException(404, "The notebook comes as notebook.md, notebook.json and notebook.anki.txt.")


async def calibration_table(request: Request) -> Response:
    """Hits and misses as a table (CSV)."""
    site = site_of(request)
    found = site.calibration.all(site.notebook.entries(), _atlas())
    return PlainTextResponse(calibration.as_csv(found), media_type="text/csv")


async def anki(request: Request) -> Response:
    """A card for each place that was predicted and run, as Anki imports it."""
    site, atlas_of = site_of(request), _atlas()
    answered = site.calibration.answered(site.notebook.entries(), atlas_of)
    text = cards.text(notes.cards(answered, atlas_of))
    shown = {"Content-Disposition": 'attachment; filename="hinterland.anki.txt"'}
    return PlainTextResponse(text, headers=shown)


async def analogies(request: Request) -> Response:
    """All analogies: the lessons' of places that are open, and the reader's own."""
    site = site_of(request)
    return page("analogies.html.j2", regions=_analogies(site))


def _analogies(site: Site) -> dict[str, list[dict[str, str]]]:
    """Returns by region what a place is like: as its lesson says once it was run, and as the reader does."""
    run, regions = site.shelf.latest(), {name: list[dict[str, str]]() for name in REGIONS}
    for it in sorted(catalogue.experiments(), key=lambda one: (one.position, one.id)):
        own = site.notebook.latest(it.id, "analogy")
        revealed = it.id in run and site.notebook.is_open(it.id)
        text = lesson.sections(it).get("Analogy", "") if revealed else ""
        if text or (own is not None and own.text):
            regions.setdefault(it.region, []).append(
                {
                    "id": it.id,
                    "title": it.title,
                    "learned": it.learned if revealed else "",
                    "lesson": markdown.render(text),
                    "own": own.text if own is not None else "",
                }
            )
    return {name: places for name, places in regions.items() if places}
