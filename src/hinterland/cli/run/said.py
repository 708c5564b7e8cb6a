"""What the reader had said in the browser before a run in the terminal, and what it came to."""

from __future__ import annotations

from pathlib import Path

from hinterland.model.run import RunRecord


def said_before(record: RunRecord, store: Path) -> str:
    """Returns a line: what was said of this experiment before the run began, and whether it was right. Empty
    where nothing was said that a run can judge."""
    from hinterland.web.content import views
    from hinterland.web.reader.answers import judged
    from hinterland.web.reader.notebook import Notebook

    it = record.info.experiment
    try:
        entry = Notebook(store).latest(it.id, before_s=record.info.started_at)
    except OSError:
        # The run stands by itself: a notebook that can't be read is no reason to end in an error.
        return ""
    found = None if entry is None else judged(entry, record, it.prediction)
    if entry is None or found is None:
        return ""
    word = {True: "That is right. ", False: "That is not so. ", None: ""}[found.hit]
    more = found.says if entry.number is not None or found.hit is None else ""
    return f"You had said: {views.said(entry, it)}. {word}{more}".strip()
