"""Ways through the atlas: places in an order that makes sense, and how far this reader is. None is locked."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from hinterland.web.content import atlas
from hinterland.web.reader.shelf import WORST

FILE = Path(__file__).with_name("paths.toml")


@cache
def declared() -> dict[str, dict[str, Any]]:
    """Returns the paths by name: title, what it says, and phases of stops (place, why)."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def walked(states: dict[str, str], titles: dict[str, str]) -> list[dict[str, Any]]:
    """Returns the paths with the state of each stop; `planned` where nobody has surveyed yet."""
    found = []
    for name, path in declared().items():
        phases = [
            {
                "title": phase["title"],
                "stops": [
                    {
                        "id": identity,
                        "title": titles.get(identity) or atlas.label(identity),
                        "why": why,
                        "state": states.get(identity, "planned"),
                    }
                    for identity, why in phase["stops"]
                ],
            }
            for phase in path["phase"]
        ]
        stops = [stop for phase in phases for stop in phase["stops"]]
        ready = [stop for stop in stops if stop["state"] != "planned"]
        found.append(
            {
                "name": name,
                "title": path["title"],
                "says": path["says"],
                "phases": phases,
                "stops": len(ready),
                "done": sum(stop["state"] in WORST for stop in ready),
                "next": next((stop["id"] for stop in ready if stop["state"] in ("waiting", "predicted")), ""),
            }
        )
    return found
