"""What is due again, and asking it: a new prediction at another level, then its run."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hinterland import catalogue
from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment, Level, show
from hinterland.report.charts.samples import level_text, name_of
from hinterland.runner import plan
from hinterland.web.content import glossary, lesson, views
from hinterland.web.pages import prediction
from hinterland.web.pages.site import Site, experiment_of, form_of, page, site_of
from hinterland.web.reader import again, marks
from hinterland.web.reader import due as schedules
from hinterland.web.reader.due import Due
from hinterland.web.reader.notebook import Entry
from hinterland.web.running.runs import as_settings

FEW = 4


def scheduled(site: Site) -> list[Due]:
    """Returns when each place that was answered is due again, the soonest first."""
    atlas_of = {one.id: one for one in catalogue.experiments()}
    return schedules.schedule(site.calibration.answered(site.notebook.entries(), atlas_of), atlas_of)


def listed(site: Site, now_s: float | None = None) -> list[dict[str, Any]]:
    """Returns what is due, now or later, as pages show it: the place, when in words, and what it came to."""
    now_s = time.time() if now_s is None else now_s
    atlas_of = {one.id: one for one in catalogue.experiments()}
    return [
        {
            "it": atlas_of[due.experiment],
            "now": due.days(now_s) <= 0,
            "when": schedules.told(due.days(now_s)),
            "date": time.strftime("%Y-%m-%d", time.localtime(due.at_s)),
            "came": due.says,
            "times": due.times,
            "asked": pending(site, atlas_of[due.experiment], due) is not None,
        }
        for due in scheduled(site)
    ]


def pending(site: Site, it: Experiment, due: Due | None) -> Entry | None:
    """Returns a prediction that was made after the last answer, and waits for its run; None without one."""
    entry = site.notebook.latest(it.id)
    if due is None or entry is None or entry.t_s <= due.last_s or not again.can_run(it, entry.levels):
        return None
    return entry


def of_place(site: Site, it: Experiment) -> dict[str, Any] | None:
    """Returns when a place is due again, as its page says it; None where nothing was answered yet."""
    return next((each for each in listed(site) if each["it"].id == it.id), None)


async def due(request: Request) -> Response:
    """All that is asked again, and when."""
    found = listed(site_of(request))
    return page(
        "due.html.j2",
        now=[each for each in found if each["now"]],
        later=[each for each in found if not each["now"]],
    )


async def ask(request: Request) -> Response:
    """A place that is asked again: sealed anew until the reader has said what to expect; then its run."""
    site, it = site_of(request), experiment_of(request)
    when = next((each for each in scheduled(site) if each.experiment == it.id), None)
    if when is None:
        # Nothing was answered yet: its own page asks first.
        return RedirectResponse(f"/{it.id}", 303)
    waiting = pending(site, it, when)
    if waiting is not None:
        return _shown(site, it, waiting.levels, waiting=waiting)
    return _shown(site, it, again.following(it, _asked(site, it)))


def _asked(site: Site, it: Experiment) -> list[Entry]:
    return [each for each in site.notebook.entries() if each.experiment == it.id and each.kind == "predicted"]


def _shown(
    site: Site,
    it: Experiment,
    levels: dict[str, Level],
    *,
    waiting: Entry | None = None,
    problem: str = "",
    given: dict[str, str] | None = None,
) -> Response:
    asked = again.asked(it, levels)
    return page(
        "again.html.j2",
        400 if problem else 200,
        it=asked,
        own=bool(levels),
        changed=[_changed(it, name, level) for name, level in levels.items()],
        settings={name: show(level) for name, level in levels.items()},
        before=glossary.linked(lesson.before(it), set()),
        sheet=marks.sheet(asked),
        within=views.WITHIN,
        sure=views.SURE,
        found=site.available(it),
        waiting=waiting,
        said=views.said(waiting, asked),
        nonce=secrets.token_urlsafe(12),
        action=f"/{it.id}/again",
        problem=problem,
        given=defaultdict(str, given or {}),
    )


def _changed(it: Experiment, name: str, level: Level) -> dict[str, str]:
    """Returns a level that is another this time, in words, and what it was at first."""
    chart = it.chart[0]
    before = (chart.where[name],) if name in chart.where else it.factor[name].levels
    return {
        "name": name_of(it, name),
        "level": level_text(it, name, level),
        "before": ", ".join(level_text(it, name, each) for each in before),
    }


async def answer(request: Request) -> Response:
    """Keeps what the reader expects this time."""
    site, it, given = site_of(request), experiment_of(request), await form_of(request)
    if not site.notebook.is_open(it.id):
        return RedirectResponse(f"/{it.id}", 303)
    levels = _levels(it, given)
    try:
        entry = prediction.read(again.asked(it, levels), given)
    except UsageError as error:
        return _shown(site, it, levels, problem=error.says, given=given)
    site.notebook.add(msgspec.structs.replace(entry, levels=levels))
    if given.get("why"):
        site.notebook.add(Entry(t_s=time.time(), experiment=it.id, kind="why", text=given["why"]))
    return RedirectResponse(f"/{it.id}/again#go", 303)


def _levels(it: Experiment, given: dict[str, str]) -> dict[str, Level]:
    """Returns the levels that a form asks for, one a factor. Raises UsageError for what is none."""
    settings = as_settings({name: given.get(f"set-{name}", "") for name in it.factor})
    found = plan.settings(it, settings)
    if any(len(levels) > 1 for levels in found.values()):
        raise UsageError("Give one level of each factor.", "To run several, use the form of the place.")
    return {name: levels[0] for name, levels in found.items()}
