"""The glossary as a page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from hinterland import catalogue
from hinterland.web.content import glossary as content
from hinterland.web.pages.found import revealed
from hinterland.web.pages.site import page, site_of


async def glossary(request: Request) -> Response:
    """Each word once, and the places where it is met."""
    shown = revealed(site_of(request))
    met = content.places(catalogue.experiments(), shown)
    letters: dict[str, list[content.Word]] = {}
    for word in content.words().values():
        letters.setdefault(word.name[0].upper(), []).append(word)
    return page("glossary.html.j2", letters=letters, met=met, shown=shown)
