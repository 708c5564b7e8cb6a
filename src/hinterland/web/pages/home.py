"""The map, and the paths through it."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hinterland import catalogue
from hinterland.web.content import atlas, paths, views
from hinterland.web.pages import due
from hinterland.web.pages.site import Site, page, site_of
from hinterland.web.reader.shelf import WORST


def places_of(site: Site) -> list[dict[str, Any]]:
    """Returns the regions of the atlas with their places, as far as this reader is."""
    found = catalogue.experiments()
    available = {one.id: site.available(one) for one in found}
    return views.places(found, site.shelf.latest(), site.notebook, available)


def states_of(regions: list[dict[str, Any]]) -> dict[str, str]:
    return {place["it"].id: place["state"] for region in regions for place in region["places"]}


async def home(request: Request) -> Response:
    """The atlas: every place, and how far this reader is; or one region of it."""
    site = site_of(request)
    regions, asked = places_of(site), [each for each in due.listed(site) if each["now"]]
    chosen = request.path_params.get("region", "")
    if chosen and chosen not in atlas.drawn()["regions"]:
        raise HTTPException(404, f"There is no region {chosen} on this map.")
    here = [region for region in regions if chosen in ("", region["name"])]
    following, states = views.next_place(here) or views.next_place(regions), states_of(regions)
    titles = {one.id: one.title for one in catalogue.experiments()}
    lacking = [place for region in regions for place in region["places"] if place["state"] == "missing"]
    installs = {place["it"].id: place["install"] for place in lacking}
    mapped = atlas.shown(states, titles, following.id if following else "", installs)
    return page(
        "home.html.j2",
        asked=asked,
        due={each["it"].id for each in asked},
        regions=here,
        chosen=chosen,
        next=following,
        takes=views.takes(following) if following else "",
        states=views.STATES,
        signs=views.SIGNS,
        grid_of=atlas.grid(),
        unsurveyed=[
            place for place in mapped["places"] if place["region"] == chosen and place["state"] == "planned"
        ],
        lacking=[place for place in lacking if chosen in ("", place["it"].region)],
        map=mapped,
        view=atlas.drawn()["regions"][chosen]["box"] if chosen else [0, 0, *mapped["size"]],
        near=bool(chosen),
        surveyed=len(states),
        yours=sum(state in WORST for state in states.values()),
    )


async def ways(request: Request) -> Response:
    """The paths through the atlas."""
    regions = places_of(site_of(request))
    titles = {one.id: one.title for one in catalogue.experiments()}
    return page("paths.html.j2", paths=paths.walked(states_of(regions), titles), states=views.STATES)
