"""The map's file and the catalogue it is made from; written so that a change is seen in a diff."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from hinterland.model.experiment import REGIONS

FILE = Path(__file__).parents[2] / "src" / "hinterland" / "web" / "map" / "atlas.json"
CATALOGUE = Path(__file__).parent / "places.toml"
Atlas = dict[str, Any]
Catalogue = dict[str, dict[str, str]]
"""Region, name of a place, what is written beside it."""


def catalogue(file: Path = CATALOGUE) -> Catalogue:
    """Returns every place of the atlas by region, surveyed or not."""
    places: Catalogue = tomllib.loads(file.read_text(encoding="utf-8"))
    return {region: places[region] for region in REGIONS if region in places}


def read(file: Path = FILE) -> Atlas:
    found: Atlas = json.loads(file.read_text(encoding="utf-8"))
    return found


def text_of(atlas: Atlas) -> str:
    """Returns the file's text: a line for each region, place and outline."""
    lines = []
    for key, value in atlas.items():
        if key in ("regions", "places"):
            inner = ",\n".join(f"{_json(name)}:{_json(each)}" for name, each in value.items())
            lines.append(f"{_json(key)}:{{\n{inner}\n}}")
        else:
            lines.append(f"{_json(key)}:{_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def written(label: str) -> str:
    """Returns a label in one line, as the catalogue has it."""
    return " ".join(label.split())
