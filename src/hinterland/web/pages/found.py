"""What a search finds."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from hinterland.web.content import search as searching
from hinterland.web.pages.site import Site, page, site_of


def revealed(site: Site) -> set[str]:
    """Returns the places of which nothing is kept back any more: predicted or skipped, and then run."""
    return {name for name in site.shelf.latest() if site.notebook.is_open(name)}


async def search(request: Request) -> Response:
    """Places, claims and words that a query finds, by kind."""
    asked = " ".join(request.query_params.get("q", "").replace("\0", " ").split())
    # A form may send what is no text, half of a pair of UTF-16: it can't be written back.
    asked = asked.encode("utf-8", "replace").decode("utf-8")
    hits = searching.index().find(asked, revealed(site_of(request))) if asked else []
    return page(
        "search.html.j2",
        searched=asked[: searching.LONGEST_QUERY],
        cut=len(asked) > searching.LONGEST_QUERY,
        groups={name: found[: searching.MOST_A_GROUP] for name, found in searching.grouped(hits).items()},
        counts={name: len(found) for name, found in searching.grouped(hits).items()},
    )
