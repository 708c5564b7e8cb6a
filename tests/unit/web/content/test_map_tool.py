"""The tool that keeps the map: what is new gets a plot, and nothing else moves."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.atlas import __main__ as tool
from tools.atlas import areas, halos, newcomers, sheet, way
from tools.atlas.land import WIDTH

CATALOGUE = sheet.catalogue()
ATLAS = sheet.read()
REGIONS = sorted(CATALOGUE)


def with_more(region: str, *names: str) -> sheet.Catalogue:
    found = copy.deepcopy(CATALOGUE)
    found[region] |= {name.lower().replace(" ", "_"): name for name in names}
    return found


def without(identity: str) -> sheet.Catalogue:
    region, _, name = identity.partition("/")
    found = copy.deepcopy(CATALOGUE)
    del found[region][name]
    return found


def standing(atlas: sheet.Atlas, identities: list[str]) -> str:
    """Returns all that must stay: marks, names, outlines, coast, borders, the way."""
    kept = {name: value for name, value in atlas.items() if name not in ("places", "regions")}
    regions = {
        name: {key: value for key, value in region.items() if key not in ("free", "terrain")}
        for name, region in atlas["regions"].items()
    }
    places = {
        identity: {key: value for key, value in atlas["places"][identity].items() if key != "plot"}
        for identity in identities
    }
    return json.dumps([kept, regions, places], sort_keys=True)


def area_of(path: str) -> float:
    return sum(
        abs(float(np.dot(ring[:, 0], np.roll(ring[:, 1], 1)) - np.dot(ring[:, 1], np.roll(ring[:, 0], 1))))
        / 2
        for ring in areas.polygons(path)
    )


def test_the_committed_map_has_what_the_catalogue_has() -> None:
    found, said = newcomers.brought_up(ATLAS, CATALOGUE)
    assert said == [], "python -m tools.atlas"
    assert found == ATLAS
    assert sheet.FILE.read_text(encoding="utf-8") == sheet.text_of(ATLAS)


@pytest.mark.parametrize("region", REGIONS)
def test_a_newcomer_moves_nobody(region: str) -> None:
    before = list(ATLAS["places"])
    found, said = newcomers.brought_up(ATLAS, with_more(region, "A made up place"))
    assert len(said) == 1
    assert "new, in" in said[0]
    assert standing(found, before) == standing(ATLAS, before)
    new = found["places"][f"{region}/a_made_up_place"]
    mark = np.array([[new["x"], new["y"]]])
    assert areas.within(mark, areas.polygons(found["regions"][region]["outline"]))[0]
    assert areas.within(mark, areas.polygons(new["plot"]))[0]
    far = [np.hypot(new["x"] - each["x"], new["y"] - each["y"]) for each in ATLAS["places"].values()]
    assert min(far) >= newcomers.FROM_MARKS_PX
    changed = [each for each in before if found["places"][each]["plot"] != ATLAS["places"][each]["plot"]]
    assert len(changed) <= 1


@pytest.mark.parametrize("region", ["storage", "protocols", "security"])
def test_several_newcomers_share_what_land_there_is(region: str) -> None:
    before = list(ATLAS["places"])
    found, said = newcomers.brought_up(ATLAS, with_more(region, "One more", "Two more", "Three more"))
    assert len(said) == 3
    assert standing(found, before) == standing(ATLAS, before)

    def land(atlas: sheet.Atlas) -> float:
        plots = [each["plot"] for name, each in atlas["places"].items() if name.partition("/")[0] == region]
        return sum(map(area_of, [*plots, *atlas["regions"][region]["free"]]))

    assert land(found) == pytest.approx(land(ATLAS), rel=0.01)


@pytest.mark.parametrize("identity", ["storage/hot_row", "protocols/dns", "security/ssrf"])
def test_who_goes_leaves_its_plot_and_moves_nobody(identity: str) -> None:
    others = [each for each in ATLAS["places"] if each != identity]
    found, said = newcomers.brought_up(ATLAS, without(identity))
    assert said == [f"{identity}: gone, its plot in {ATLAS['places'][identity]['grid']} is free"]
    assert standing(found, others) == standing(ATLAS, others)
    assert ATLAS["places"][identity]["plot"] in found["regions"][identity.partition("/")[0]]["free"]
    # It may come back, to land that is free.
    again, said = newcomers.brought_up(found, CATALOGUE)
    assert "a free plot" in said[0]
    assert standing(again, others) == standing(ATLAS, others)


def test_who_is_called_otherwise_stays_where_it_is() -> None:
    places = copy.deepcopy(CATALOGUE)
    places["storage"]["index"] = "The index"
    found, said = newcomers.brought_up(ATLAS, places)
    assert said == ["storage/index: is called The index now"]
    others = [each for each in ATLAS["places"] if each != "storage/index"]
    assert standing(found, others) == standing(ATLAS, others)
    for each in ("x", "y", "plot", "grid"):
        assert found["places"]["storage/index"][each] == ATLAS["places"]["storage/index"][each]


def test_what_the_map_cannot_take_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no region moon .* --anew"):
        newcomers.brought_up(ATLAS, {**CATALOGUE, "moon": {"crater": "Crater"}})
    with pytest.raises(ValueError, match=r"protocols/nagle is a stop of the way"):
        newcomers.brought_up(ATLAS, without("protocols/nagle"))
    monkeypatch.setattr(newcomers, "FROM_MARKS_PX", 300.0)
    with pytest.raises(ValueError, match=r"apis has no room left .* --anew"):
        newcomers.brought_up(ATLAS, with_more("apis", "One too many"))


def test_the_tool_says_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "atlas.json"

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["tools.atlas", *words, str(file)])
        return tool.main()

    assert run() == 2
    assert "--anew" in capsys.readouterr().err
    file.write_text(sheet.text_of(ATLAS), encoding="utf-8")
    assert run("--check") == 0
    monkeypatch.setattr(sheet, "catalogue", lambda: with_more("caching", "Warm up"))
    assert run("--check") == 1
    assert sheet.read(file) == ATLAS
    assert run() == 0
    assert "caching/warm_up: new" in capsys.readouterr().out
    assert "caching/warm_up" in sheet.read(file)["places"]
    assert run("--check") == 0


def test_a_name_has_a_halo_where_a_line_runs_through_it() -> None:
    assert halos.given(ATLAS) == ATLAS
    haloed = [name for name, each in ATLAS["places"].items() if each["halo"]]
    assert 5 < len(haloed) < len(ATLAS["places"]) / 2
    # All but these stand clear of the coast and the borders, corner by corner.
    for name, each in ATLAS["places"].items():
        if not each["halo"]:
            left, top, right, bottom = newcomers.box_of(each)
            corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
            land = areas.polygons(ATLAS["regions"][name.partition("/")[0]]["outline"])
            assert len(set(areas.within(corners, land))) == 1, name


def test_the_way_goes_through_its_stops() -> None:
    walked = way.through({name: (each["x"], each["y"]) for name, each in ATLAS["places"].items()})
    assert ATLAS["way"] == way.drawn(walked)
    steps = way.steps(walked)
    assert all(np.hypot(*(steps - stop).T).min() < 1e-6 for stop in walked)


square = st.tuples(st.floats(0, WIDTH), st.floats(0, 900))


@settings(max_examples=60, deadline=None)
@given(square, square)
def test_a_divided_plot_loses_no_land(one: tuple[float, float], other: tuple[float, float]) -> None:
    here, there = np.array(one), np.array(other)
    if np.hypot(*(here - there)) < 5:
        return
    path = ATLAS["places"]["storage/index"]["plot"]
    mine, rest = areas.divided(areas.polygons(path), here, there, 1)
    whole = sum(area_of(areas.path_of(part)) for part in (mine, rest))
    assert whole == pytest.approx(area_of(path), rel=0.02, abs=30)
