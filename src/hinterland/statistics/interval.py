"""An estimate and the interval that goes with it."""

from __future__ import annotations

from msgspec import Struct

VALUES_ARE_ALIKE = "values are independent and alike"


class Interval(Struct, frozen=True):
    """An estimate between `low` and `high`, from `n` observations.

    An infinite bound says that nothing is known on that side yet. `assumed` says in words what must be true
    of the data for the bounds to hold; it is empty when they hold whatever the data.
    """

    estimate: float
    low: float
    high: float
    n: int
    assumed: str = ""

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside the interval."""
        return not self.low <= value <= self.high
