"""What a reader keeps of a place that was predicted and run: the question, what was expected, what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hinterland.drawing import numbers
from hinterland.model.experiment import Experiment
from hinterland.report import story
from hinterland.web.content import views
from hinterland.web.reader import again, marks
from hinterland.web.reader.anki import Card
from hinterland.web.reader.calibration import Answered


def cards(answered: Iterable[Answered], experiments: Mapping[str, Experiment]) -> list[Card]:
    """Returns a card for each place that was answered, of its last answer."""
    last = {each.entry.experiment: each for each in answered}
    return [_card(each, experiments[name]) for name, each in last.items()]


def _card(answered: Answered, it: Experiment) -> Card:
    entry = answered.entry
    asked = again.asked(it, entry.levels)
    levels = views.at_levels(it, entry.levels)
    ask = it.question if levels else f"{it.question}\n{it.prediction.ask}"
    chosen = views.said(entry, it) if entry.option or entry.number is not None else ""
    came = "" if levels else story.answer(it.prediction)
    back = {
        "Expected": "\n".join(part for part in (chosen, _rows(asked, entry.marks)) if part),
        "Came": "\n".join(part for part in (came, _rows(asked, answered.measured)) if part),
        "Learned": it.learned,
    }
    question = f"{it.title}\n{ask}" + (f"\nThis time: {levels}" if levels else "")
    return Card(it.id, question, {name: says for name, says in back.items() if says})


def _rows(it: Experiment, values: Mapping[str, float]) -> str:
    """Returns values of the first chart's rows in words, in the order of the chart."""
    if not it.chart or not values:
        return ""
    unit = it.metric[it.chart[0].metric].unit
    names = {
        row.key: ", ".join(part.replace("_", " ") for part in (row.level, row.series) if part)
        for row in marks.rows(it)
    }
    return "; ".join(
        f"{name}: {numbers.quantity(values[key], unit)}" for key, name in names.items() if key in values
    )
