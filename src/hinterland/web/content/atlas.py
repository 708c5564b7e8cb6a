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


def shown(states: dict[str, str], titles: dict[str, str], following: str) -> dict[str, Any]:
    """Returns the map with each place's state: one of `views.STATES`, or `planned` where nobody has surveyed.

    `following` is the place that the pennant stands on.
    """
    found = drawn()
    places = [
        {
            "id": identity,
            "region": identity.partition("/")[0],
            "state": states.get(identity, "planned"),
            "title": titles.get(identity) or label(identity),
            "next": identity == following,
            **place,
        }
        for identity, place in found["places"].items()
    ]
    return {**found, "places": places}
