"""How long each of many completions takes when several are under way at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def time_each(done: ArrayLike, together: int) -> float | None:
    """The steady time a completion, in the unit of `done`: moments of completion, in any order.

    It is the median, over all completions, of the time in which `together` further ones complete, divided by
    their number. Where `together` are under way at once that is as long as a whole round, so bunches do not
    matter; a stall hardly moves a median, and nothing is rounded to whole completions. None where there are
    fewer than twice `together`. ValueError: `together` is below 1, or a NaN or infinity in `done`.
    """
    if together < 1:
        raise ValueError(f"together={together} must be at least 1.")
    moments = np.sort(np.asarray(done, dtype=np.float64).ravel())
    if not np.isfinite(moments).all():
        raise ValueError("done must hold finite moments only. Leave out what did not complete.")
    if len(moments) < 2 * together:
        return None
    return float(np.median(moments[together:] - moments[:-together])) / together
