"""A histogram as numbers, which a record keeps."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Counts(Struct, frozen=True):
    """A histogram as numbers: how many values fell into each bin of `statistics.histogram`, sparse.

    bins: ascending places, int32. counts: int64. missing: operations with no such time, since no good answer
    came; they lie above every bin. least_ns, most_ns, total_ns: exact, of the values, 0 without any.
    """

    bins: NDArray[np.int32]
    counts: NDArray[np.int64]
    missing: int = 0
    least_ns: int = 0
    most_ns: int = 0
    total_ns: int = 0
