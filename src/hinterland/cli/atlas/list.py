"""`hinterland list`: the experiments by region, and what this machine can run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.atlas.listing import print_list
from hinterland.cli.terminal.options import Json
from hinterland.model.experiment import REGIONS


def list_experiments(
    region: Annotated[str, Parameter(help="Only this region.", completer=lambda _: list(REGIONS))] = "",
    /,
    *,
    json: Json = False,
) -> int:
    """The experiments, by region, with their question and whether this machine can run them."""
    return print_list(region, json)
