"""The map: worked out once (`tools/atlas`), coloured in by what this reader has run."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hinterland.package import FOLDER

FILE = FOLDER / "web" / "map" / "atlas.json"


@cache
def drawn() -> dict[str, Any]:
    """Returns the map's lines, areas and positions, in its own units (1400 by 900)."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def label(identity: str) -> str:
    """Returns what stands beside a place on the map."""
    return " ".join(drawn()["places"][identity]["label"])


def grid() -> dict[str, str]:
    """Returns the field of the map's grid in which each place lies: `D6`."""
    return {identity: place["grid"] for identity, place in drawn()["places"].items()}


def shown(
    states: dict[str, str], titles: dict[str, str], following: str, installs: dict[str, str] | None = None
) -> dict[str, Any]:
    """Returns the map with each place's state: one of `views.STATES`, or `planned` where nobody has surveyed.

    `following` is the place that the pennant stands on; `installs` has the commands of those that lack
    something. Places come along the way, then the others of their region: so keys go through them.
    """
    found = drawn()
    along = {identity: number for number, identity in enumerate(found["path"])}
    order = list(dict.fromkeys([*(each.partition("/")[0] for each in along), *found["regions"]]))
    places = [
        {
            "id": identity,
            "region": identity.partition("/")[0],
            "state": states.get(identity, "planned"),
            "title": titles.get(identity) or label(identity),
            "next": identity == following,
            "install": (installs or {}).get(identity, ""),
            **place,
        }
        for identity, place in sorted(
            found["places"].items(), key=lambda each: along.get(each[0], len(along))
        )
    ]
    return {**found, "places": places, "order": order}
