"""When a place is due again: from what a reader expected and what the runs came to, by the scheduler FSRS."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from hinterland.model.experiment import Experiment
from hinterland.web.reader import marks
from hinterland.web.reader.calibration import OF_MARKS, Answered, met, right, sane

if TYPE_CHECKING:
    from fsrs import Rating, Scheduler

NARROW = 1.5
"""Who is right within this factor, and said so, knew it."""
NEAR = 3.0
SURE, GUESSED = 0.97, 0.5
WORDS = {1: "missed", 2: "nearly", 3: "met", 4: "known well"}
"""What the last asking came to, by its rating."""


@dataclass(frozen=True)
class Due:
    """A place that is asked again at `at_s` (Unix seconds), `times` after it was answered so often."""

    experiment: str
    at_s: float
    last_s: float
    times: int
    rating: int
    seen: bool

    def days(self, now_s: float) -> int:
        """Returns in how many days of the reader's calendar it is due: 0 today, negative when it was."""
        return _day(self.at_s) - _day(now_s)

    @property
    def says(self) -> str:
        """What the last asking came to, in words."""
        return WORDS[self.rating] if self.seen else "not to be compared: place marks"


def _day(at_s: float) -> int:
    return datetime(*time.localtime(at_s)[:3]).toordinal()


@cache
def scheduler() -> Scheduler:
    """Returns the scheduler: days from the first answer on, the same for the same answers."""
    from fsrs import Scheduler

    return Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


def rating(answered: Answered, it: Experiment) -> Rating | None:
    """Returns how well a prediction was met; None where nothing of it can be compared.

    Marks: Again outside of the factor, or Hard where the order was right and the level within 3 times; Good
    inside, Easy with a factor of 1.5 and less. Inside is who has as many marks within as was said, 8 in 10.
    A number likewise, by the interval that the run measured. A choice: Again if wrong; right is Easy for who
    was sure, Hard for who tossed a coin, else Good. Of all the worst.
    """
    from fsrs import Rating

    entry = answered.entry
    found = met(answered, it)
    rated = []
    hit = right(answered, it)
    if hit is not None and entry.option:
        sure = Rating.Easy if entry.sure >= SURE else Rating.Hard if entry.sure <= GUESSED else Rating.Good
        rated.append(sure if hit else Rating.Again)
    elif hit is not None:
        inside = Rating.Easy if entry.within <= NARROW else Rating.Good
        rated.append(inside if hit else Rating.Again)
    hits = [each.hit for each in found if each.what in entry.marks]
    if hits and sum(hits) >= round(OF_MARKS * len(hits)):
        rated.append(Rating.Easy if entry.within <= NARROW else Rating.Good)
    elif hits:
        gap = marks.gap(entry.marks, answered.measured, log=True)
        ordered = gap is not None and gap.pairs[0] == gap.pairs[1]
        near = gap is not None and 1 / NEAR <= gap.level <= NEAR
        rated.append(Rating.Hard if ordered and near else Rating.Again)
    return min(rated) if rated else None


def schedule(answered: Iterable[Answered], experiments: Mapping[str, Experiment]) -> list[Due]:
    """Returns when each place that was answered is due again, the soonest first."""
    from fsrs import Card, Rating

    places: dict[str, list[Answered]] = {}
    for each in sorted(answered, key=lambda one: one.at_s):
        if each.entry.experiment in experiments:
            places.setdefault(each.entry.experiment, []).append(each)
    found = []
    for name, history in places.items():
        card, last = Card(card_id=1), None
        for each in history:
            last = rating(each, experiments[name])
            # What can't be compared may have been wrong: it comes back as soon.
            when = datetime.fromtimestamp(sane(each.at_s), UTC)
            card, _ = scheduler().review_card(card, last or Rating.Again, when)
        found.append(
            Due(
                name,
                card.due.timestamp(),
                sane(history[-1].at_s),
                len(history),
                int(last or Rating.Again),
                last is not None,
            )
        )
    return sorted(found, key=lambda due: (due.at_s, due.experiment))


def told(days: int) -> str:
    """Returns when that is, seen from today: `today`, `since yesterday`, `for 4 days`, `in 3 days`."""
    if days == 0:
        return "today"
    if days == -1:
        return "since yesterday"
    if days < 0:
        return f"for {-days} days"
    return "tomorrow" if days == 1 else f"in {days} days"
