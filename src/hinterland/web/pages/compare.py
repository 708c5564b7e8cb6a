"""Runs side by side: `/compare?runs=A&runs=B`."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hinterland.errors import UsageError
from hinterland.model.run import RunRecord
from hinterland.report.charts import charts
from hinterland.runner.record.imported import imported
from hinterland.web.content import comparison
from hinterland.web.content.comparison import FEWEST, MOST
from hinterland.web.pages import run
from hinterland.web.pages.site import Site, page, site_of
from hinterland.web.reader.shelf import folder_of

HOW = "Choose them on the page of runs, or on that of a run."


async def compare(request: Request) -> Response:
    """Two to four runs of one experiment: what was otherwise, their charts on the same axes, their claims."""
    site = site_of(request)
    records = _records(site, list(dict.fromkeys(request.query_params.getlist("runs"))))
    notes = [imported(Path(record.folder)) for record in records]
    origins = ["this machine" if note is None else f"elsewhere ({note.file})" for note in notes]
    claims = comparison.claims(records)
    found = comparison.rows(records, origins)
    it = run.today(records[0].info.experiment)
    run.seen(site, it)
    return page(
        "compare.html.j2",
        it=it,
        runs=comparison.labels(records, origins),
        differ=[row for row in found if row.differs],
        same=[row for row in found if not row.differs],
        charts=charts.side_by_side(records),
        claims=claims,
        told=comparison.told(records, claims),
    )


def _records(site: Site, names: list[str]) -> list[RunRecord]:
    """Returns the records. Raises UsageError for too few, too many, or runs of different experiments."""
    if not FEWEST <= len(names) <= MOST:
        count = "none is" if not names else f"{len(names)} {'is' if len(names) == 1 else 'are'}"
        raise UsageError(f"{FEWEST} to {MOST} runs stand side by side; {count} chosen.", HOW)
    records = []
    for name in names:
        folder = folder_of(site.store, name)
        if folder is None:
            raise HTTPException(404, "There is no such run in this store.")
        records.append(folder.record())
    places = list(dict.fromkeys(record.info.experiment.id for record in records))
    if len(places) > 1:
        raise UsageError(
            f"These are runs of {' and '.join(places)}: only runs of one experiment can be compared.", HOW
        )
    return records
