"""The application: addresses and who answers them, behind the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hinterland.drawing import template as drawing
from hinterland.drawing import typeface
from hinterland.errors import HinterlandError
from hinterland.web.guard import Guard
from hinterland.web.pages import (
    compare,
    due,
    exchange,
    found,
    home,
    place,
    progress,
    run,
    site,
    sources,
    start,
    words,
    written,
)
from hinterland.web.pages.site import Site

STATIC = Path(__file__).parent / "static"
SHEETS = (
    Path(drawing.__file__).parent / "templates" / "report.css",
    Path(drawing.__file__).parent / "templates" / "drawing.css",
    STATIC / "own.css",
    STATIC / "learn.css",
    STATIC / "map.css",
    STATIC / "run.css",
    STATIC / "after.css",
)
"""What a page looks like: as the report, and a little of its own."""
KINDS = {
    "find.js": "text/javascript",
    "live.js": "text/javascript",
    "marks.js": "text/javascript",
    "map.js": "text/javascript",
    "story.js": "text/javascript",
    "mark.svg": "image/svg+xml",
    "web.css": "text/css",
    **{face.file: "font/woff2" for face in typeface.FACES},
}
KEPT = {"font/woff2": "max-age=604800"}
"""What does not change with each release is not asked for again on each page."""


async def static(request: Request) -> Response:
    """A style sheet, a script or a picture of ours, by name."""
    name = request.path_params["name"]
    if name not in KINDS:
        raise HTTPException(404, "There is no such file.")
    kind = KINDS[name]
    return Response(_content(name), media_type=kind, headers={"Cache-Control": KEPT.get(kind, "no-cache")})


@cache
def _content(name: str) -> bytes:
    if name == "web.css":
        sheets = [typeface.linked("/static").encode(), *(sheet.read_bytes() for sheet in SHEETS)]
        return b"\n".join(sheets)
    face = next((each for each in typeface.FACES if each.file == name), None)
    if face is not None:
        return face.path.read_bytes()
    return (STATIC / name).read_bytes()


ROUTES = [
    Route("/", home.home),
    Route("/static/{name}", static),
    Route("/map/{region}", home.home),
    Route("/paths", home.ways),
    Route("/runs", run.runs),
    Route("/runs/import", exchange.take, methods=["POST"]),
    Route("/runs/{run}", run.watch),
    Route("/runs/{run}/record.zip", exchange.give),
    Route("/runs/{run}/now", run.now),
    Route("/runs/{run}/events", run.events),
    Route("/runs/{run}/report", run.report),
    Route("/runs/{run}/stop", run.stop, methods=["POST"]),
    Route("/compare", compare.compare),
    Route("/waiting/{nonce}", run.waiting),
    Route("/due", due.due),
    Route("/search", found.search),
    Route("/glossary", words.glossary),
    Route("/notebook", written.notebook),
    Route("/notebook/analogies", written.analogies),
    Route("/notebook/progress", progress.take, methods=["POST"]),
    Route("/notebook/progress.json", progress.give),
    Route("/notebook.anki.txt", written.anki),
    Route("/notebook.{form}", written.notebook),
    Route("/calibration.csv", written.calibration_table),
    Route("/{region}/{name}", place.experiment),
    Route("/{region}/{name}/prediction", place.predict, methods=["POST"]),
    Route("/{region}/{name}/runs", start.run, methods=["POST"]),
    Route("/{region}/{name}/sources", sources.beside),
    Route("/{region}/{name}/note", place.note, methods=["POST"]),
    Route("/{region}/{name}/analogy", place.analogy, methods=["POST"]),
    Route("/{region}/{name}/again", due.ask),
    Route("/{region}/{name}/again", due.answer, methods=["POST"]),
]


def build(store: Path, *, token: str, hosts: Iterable[str], port: int) -> ASGIApp:
    """Returns the application for a store. `stopping`, in its state, ends what streams."""
    kept = Site(store)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.site, app.state.stopping = kept, asyncio.Event()
        yield
        app.state.stopping.set()
        await kept.runs.close()

    app = Starlette(
        routes=ROUTES,
        lifespan=life,
        exception_handlers={HTTPException: site.refused, HinterlandError: site.refused},
    )
    guarded = Guard(app, token=token, hosts=hosts, port=port)
    guarded.state = app.state  # type: ignore[attr-defined]  # For whoever serves it.
    return guarded
