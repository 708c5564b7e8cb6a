"""A prediction as its form says it. What is none is refused in words that the form then shows."""

from __future__ import annotations

import time

from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment
from hinterland.web.content import views
from hinterland.web.reader import marks
from hinterland.web.reader.notebook import Entry


def read(it: Experiment, given: dict[str, str]) -> Entry:
    """Returns what the form says: an answer, or marks, or both. Raises UsageError for neither."""
    try:
        marked = marks.given(it, given)
    except ValueError as error:
        raise UsageError(f"A mark is a number on the axis: {error}.") from None
    option = given.get("option", "")
    if option and option not in it.prediction.options:
        raise UsageError("Choose one of the answers, or go on without.")
    number = None if it.prediction.options else _number(given.get("number", ""))
    if not option and number is None and not marked:
        raise UsageError("Give an answer or place a mark, or go on without predicting.")
    within = _one_of(given.get("within"), [factor for factor, _ in views.WITHIN])
    sure = _one_of(given.get("sure"), [share for share, _ in views.SURE]) if option else 0.0
    return Entry(
        t_s=time.time(), experiment=it.id, kind="predicted",
        option=option, sure=sure, number=number, marks=marked, within=within,
    )  # fmt: skip


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise UsageError("Write a number, such as 60 or 0.5.") from None
    # Times, ratios, counts: nothing that is asked for lies below zero.
    if not 0 <= number < 1e15:
        raise UsageError("Write a number that this can be.")
    return number


def _one_of(text: str | None, values: list[float]) -> float:
    found = next((value for value in values if text == f"{value:g}"), None)
    if found is None:
        raise UsageError("Say how sure you are.")
    return found
