"""The map as it was worked out: everything surveyed is on it, in the frame, and apart from its neighbours."""

from __future__ import annotations

from itertools import combinations
from math import hypot

import pytest

from hinterland import catalogue
from hinterland.model.experiment import REGIONS
from hinterland.web.content import atlas

PLACES = atlas.drawn()["places"]


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_every_experiment_has_a_place(experiment: object) -> None:
    assert experiment.id in PLACES, "add it to tools/atlas/places.toml"  # type: ignore[attr-defined]


def test_every_region_has_its_land() -> None:
    regions = atlas.drawn()["regions"]
    assert set(regions) == set(REGIONS)
    assert all(
        region["outline"].startswith("M") and region["outline"].endswith("Z") for region in regions.values()
    )
    assert {identity.partition("/")[0] for identity in PLACES} == set(REGIONS)


def test_every_place_lies_in_the_frame_and_apart() -> None:
    width, height = atlas.drawn()["size"]
    assert all(40 < each["x"] < width - 40 and 40 < each["y"] < height - 40 for each in PLACES.values())
    close = [
        (one, other)
        for (one, here), (other, there) in combinations(PLACES.items(), 2)
        if hypot(here["x"] - there["x"], here["y"] - there["y"]) < 22
    ]
    assert close == []


def test_the_way_goes_from_place_to_place() -> None:
    assert set(atlas.drawn()["path"]) <= set(PLACES)
    assert len(set(atlas.drawn()["path"])) == len(atlas.drawn()["path"])


def test_a_place_shows_its_state_and_the_pennant_stands_once() -> None:
    shown = atlas.shown({"protocols/nagle": "holds"}, {"protocols/nagle": "Politeness"}, "protocols/dns")
    by_id = {place["id"]: place for place in shown["places"]}
    assert (by_id["protocols/nagle"]["state"], by_id["protocols/nagle"]["title"]) == ("holds", "Politeness")
    assert by_id["security/secrets"]["state"] == "planned"
    assert [place["id"] for place in shown["places"] if place["next"]] == ["protocols/dns"]
