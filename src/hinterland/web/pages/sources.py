"""The sources of two variants side by side."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hinterland.errors import UsageError
from hinterland.web.content import difference, sources
from hinterland.web.pages.site import experiment_of, page, site_of


async def beside(request: Request) -> Response:
    """Two pieces of an experiment's sources, lines aligned; sealed as the rest of what gives it away."""
    site, it = site_of(request), experiment_of(request)
    if not site.notebook.is_open(it.id):
        raise HTTPException(
            403, f"{it.title}: its sources open when you have said what you expect, or skipped it."
        )
    found = sources.pieces(it)
    by_name = {piece.name: piece for piece in found}
    chosen = sources.pair(it, found)
    if chosen is None:
        raise HTTPException(404, f"{it.title} has no two sources to put side by side.")
    names = [request.query_params.get(side, piece.name) for side, piece in zip("ab", chosen, strict=True)]
    for name in names:
        if name not in by_name:
            raise UsageError(f"{it.title} has no source {name!r}.", f"It has: {', '.join(by_name)}.")
    left, right = (by_name[name] for name in names)
    blocks = difference.blocks(left.lines, right.lines, (left.first, right.first))
    differ = sum(len(block.rows) for block in blocks if block.kind == "changed")
    return page(
        "sources.html.j2", it=it, names=list(by_name), left=left, right=right, blocks=blocks, differ=differ
    )
