"""What all pages share: the store and what is kept of it, how a page is made, how a refusal is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hinterland import catalogue
from hinterland.drawing.template import template
from hinterland.errors import HinterlandError, UsageError
from hinterland.model.experiment import REGIONS, Experiment
from hinterland.rig.machine.availability import Availability, availability
from hinterland.web.content import views
from hinterland.web.reader.calibration import Calibration
from hinterland.web.reader.notebook import LONGEST_TEXT, Notebook
from hinterland.web.reader.shelf import Shelf
from hinterland.web.running.cost import Cost
from hinterland.web.running.runs import Runs

PACKAGE = "hinterland.web"
ELSEWHERE = "There is no page at this address."


class Site:
    """What the handlers share: the store, its runs, the reader's notebook."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.notebook, self.shelf, self.runs = Notebook(store), Shelf(store), Runs(store)
        self.calibration, self.cost = Calibration(self.shelf), Cost()
        self._availability: dict[str, Availability] = {}

    def available(self, experiment: Experiment) -> Availability:
        """Returns what of an experiment runs here; looked up once, for it takes a while."""
        if experiment.id not in self._availability:
            self._availability[experiment.id] = availability(experiment)
        return self._availability[experiment.id]


def site_of(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def page(name: str, code: int = 200, **shown: Any) -> HTMLResponse:
    text = template(PACKAGE, name).render(regions_of=REGIONS, region_name=views.region_name, **shown)
    return HTMLResponse(text, code)


def experiment_of(request: Request) -> Experiment:
    name = f"{request.path_params['region']}/{request.path_params['name']}"
    found = next((one for one in catalogue.experiments() if one.id == name), None)
    if found is None:
        raise HTTPException(404, f"There is no place {name} in this atlas.")
    return found


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of a form. Raises HTTPException for what is none."""
    try:
        pairs = parse_qsl((await request.body()).decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise HTTPException(400, "That is not a form.") from None
    return {name: value.strip()[:LONGEST_TEXT] for name, value in pairs}


async def refused(request: Request, error: Exception) -> Response:
    """An error as a page: what is wrong, and where to go on."""
    if isinstance(error, HTTPException):
        # Where no address fits, the library says only the name of the status.
        says = ELSEWHERE if error.detail in ("Not Found", "Method Not Allowed") else error.detail
        missing = error.status_code in (404, 405)
        return page("message.html.j2", error.status_code, missing=missing, says=says, next="")
    assert isinstance(error, HinterlandError)
    status = 400 if isinstance(error, UsageError) else 503
    return page("message.html.j2", status, missing=False, says=error.says, next=error.next_step)
