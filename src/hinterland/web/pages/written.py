"""The notebook: as a page, as Markdown, as JSON."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hinterland import catalogue
from hinterland.web.content import views
from hinterland.web.pages.site import page, site_of
from hinterland.web.reader import calibration


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
