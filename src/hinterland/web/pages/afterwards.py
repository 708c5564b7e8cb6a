"""What a finished run's page has below its verdicts: how it came about, and where to go on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from hinterland import catalogue
from hinterland.drawing.figure import Figure
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.report import html, story, verdicts
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.record.packet_views import packet_views
from hinterland.store import RUN
from hinterland.web.content import sources, tries, views
from hinterland.web.pages.site import Site

MOST_STORIES = 2
"""So many witnesses of a claim are told; the report has them all."""
KEPT_LADDERS = 16
MOST_OTHERS = 50


def shown(site: Site, folder: RunFolder, record: RunRecord, it: Experiment) -> dict[str, Any]:
    """Returns what `after.html.j2` shows of a run that has ended."""
    judged = story.in_order(record.verdicts)
    found = sources.pieces(it)
    why = site.notebook.latest(it.id, "why", before_s=record.info.ended_at or record.info.started_at)
    return {
        "stories": [(heading, figures[:MOST_STORIES]) for heading, figures in html.witnesses(judged)],
        "ladders": _ladders(folder.path, (folder.path / RUN).stat().st_mtime_ns),
        "your_why": why.text if why else "",
        "published": [(source, html.web_address(source.url)) for source in it.source if source.says],
        "measured": [
            (verdict, story.WORDS[verdict.verdict], verdicts.estimate_text(verdict.evidence))
            for verdict in judged
            if verdict.main
        ],
        "pieces": [piece.name for piece in found],
        "pair": [piece.name for piece in sources.pair(it, found) or ()],
        "try": _try(site, record, it),
        "others": [
            (run, views.when(run.started_at))
            for run in site.shelf.everything()
            if run.experiment == it.id and run.id != record.info.id
        ][:MOST_OTHERS],
        "states": views.STATES,
    }


def _try(site: Site, record: RunRecord, it: Experiment) -> tries.Try | None:
    """Returns what to try next; nothing where the experiment is not installed here."""
    if it.id not in {one.id for one in catalogue.experiments()}:
        return None
    missing = {(name, level) for name, levels in site.available(it).unavailable.items() for level in levels}
    return tries.next_try(it, record.info, missing)


@lru_cache(maxsize=KEPT_LADDERS)
def _ladders(path: Path, changed_ns: int) -> list[tuple[str, str, Figure]]:
    """Returns the ladders of a run, each with its trial and treatment. What has ended does not change any
    more, and to read the packets of a long trial takes half a second."""
    views = packet_views(RunFolder(path).record())
    return [(view.trial, view.treatment, drawn) for view, drawn in html.ladders(views)]
