"""What became of an answer that a reader gave before a run."""

from __future__ import annotations

from hinterland.model.experiment import Prediction
from hinterland.model.run import RunRecord
from hinterland.report import answer
from hinterland.report.answer import Judged
from hinterland.web.reader.notebook import Entry


def judged(entry: Entry, record: RunRecord, prediction: Prediction) -> Judged | None:
    """Returns whether the option or the number of an entry was right by a run; None for marks alone, and
    where the manifest says not what is right."""
    if entry.option:
        return answer.option_met(entry.option, record, prediction)
    if entry.number is not None:
        return answer.number_met(entry.number, entry.within, record, prediction)
    return None
