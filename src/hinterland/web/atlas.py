"""The map: worked out once (`tools/atlas`), coloured in by what this reader has run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "map" / "atlas.json"


@cache
def drawn() -> dict[str, Any]:
    """Returns the map's lines, areas and positions, in its own units (1400 by 900)."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


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
            "title": titles.get(identity, " ".join(place["label"])),
            "next": identity == following,
            **place,
        }
        for identity, place in found["places"].items()
    ]
    return {**found, "places": places}
