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
from hinterland.errors import HinterlandError
from hinterland.web.guard import Guard
from hinterland.web.pages import compare, exchange, home, place, run, site, sources, start, written
from hinterland.web.pages.site import Site

STATIC = Path(__file__).parent / "static"
SHEETS = (
    Path(drawing.__file__).parent / "templates" / "report.css",
    Path(drawing.__file__).parent / "templates" / "drawing.css",
    STATIC / "own.css",
    STATIC / "after.css",
)
"""What a page looks like: as the report, and a little of its own."""
KINDS = {
    "live.js": "text/javascript",
    "marks.js": "text/javascript",
    "map.js": "text/javascript",
    "story.js": "text/javascript",
    "mark.svg": "image/svg+xml",
    "web.css": "text/css",
}


async def static(request: Request) -> Response:
    """A style sheet, a script or a picture of ours, by name."""
    name = request.path_params["name"]
    if name not in KINDS:
        raise HTTPException(404, "There is no such file.")
    return Response(_content(name), media_type=KINDS[name], headers={"Cache-Control": "no-cache"})


@cache
def _content(name: str) -> bytes:
    if name == "web.css":
        return b"\n".join(sheet.read_bytes() for sheet in SHEETS)
    return (STATIC / name).read_bytes()


ROUTES = [
    Route("/", home.home),
    Route("/static/{name}", static),
    Route("/map/{region}", home.home),
    Route("/paths", home.ways),
    Route("/runs", run.runs),
    Route("/runs/import", exchange.take, methods=["POST"]),
    Route("/runs/{run}", run.watch),
    Route("/runs/{run}/export", exchange.give),
    Route("/runs/{run}/now", run.now),
    Route("/runs/{run}/events", run.events),
    Route("/runs/{run}/report", run.report),
    Route("/runs/{run}/stop", run.stop, methods=["POST"]),
    Route("/compare", compare.compare),
    Route("/waiting/{nonce}", run.waiting),
    Route("/notebook", written.notebook),
    Route("/notebook.{form}", written.notebook),
    Route("/{region}/{name}", place.experiment),
    Route("/{region}/{name}/prediction", place.predict, methods=["POST"]),
    Route("/{region}/{name}/runs", start.run, methods=["POST"]),
    Route("/{region}/{name}/sources", sources.beside),
    Route("/{region}/{name}/note", place.note, methods=["POST"]),
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
