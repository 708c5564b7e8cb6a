"""Where the first page sends somebody: to what this machine can run, the surest first."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.rig.machine.availability import Availability
from hinterland.web.content import views
from hinterland.web.reader.notebook import Notebook

EXPERIMENTS = catalogue.experiments()


@pytest.mark.parametrize(
    ("lacks", "first"),
    [
        ((), "protocols/nagle"),
        (("protocols/nagle",), "execution/blocked_loop"),
        (("protocols/nagle", "execution/blocked_loop"), "execution/acceptors"),
    ],
)
def test_the_first_place_is_one_that_runs_here(tmp_path: Path, lacks: tuple[str, ...], first: str) -> None:
    found = {one.id: Availability(runs="no" if one.id in lacks else "all") for one in EXPERIMENTS}
    chosen = views.next_place(views.places(EXPERIMENTS, {}, Notebook(tmp_path), found))
    assert chosen is not None
    assert chosen.id == first


def test_where_nothing_runs_nothing_is_suggested(tmp_path: Path) -> None:
    found = {one.id: Availability(runs="no") for one in EXPERIMENTS}
    assert views.next_place(views.places(EXPERIMENTS, {}, Notebook(tmp_path), found)) is None
