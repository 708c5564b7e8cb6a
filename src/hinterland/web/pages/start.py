"""A run is asked for: with the usual levels, or with others."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hinterland.errors import UsageError
from hinterland.web.content import settings
from hinterland.web.pages import place
from hinterland.web.pages.site import experiment_of, form_of, site_of


async def run(request: Request) -> Response:
    """Starts a run. The same form sent twice is one run; one that asks for what can't be is shown again."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    nonce = given.get("nonce", "")
    if not nonce:
        raise HTTPException(400, "This form is not complete. Open the page again.")
    if site.available(it).runs == "no":
        raise HTTPException(409, f"{it.title} can't run here: the page says what it needs.")
    # A field may come several times, once a level; and the body is read once.
    pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
    wanted = settings.asked(pairs)
    try:
        chosen = settings.read(it, wanted)
    except UsageError as error:
        if not site.notebook.is_open(it.id):
            # Its page has no form yet to show it in.
            raise
        return place.shown(site, it, unfit=f"{error.says} {error.next_step}".strip(), wanted=wanted)
    ticket = site.runs.ask(it.id, nonce[:64], chosen)
    return RedirectResponse(f"/waiting/{ticket.nonce}", 303)
