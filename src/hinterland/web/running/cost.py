"""What watching a run costs on the machine that measures: the server's own share of a core."""

from __future__ import annotations

import time

LEAST_S = 1.0


class Cost:
    """The share of a core that this process used lately; a new reading at most once a second."""

    def __init__(self) -> None:
        self._at_s, self._used_s = time.perf_counter(), time.process_time()
        self._share = 0.0

    def share(self) -> float:
        """Returns the share of a core since the reading before, 0 to 1 for each core."""
        now_s, used_s = time.perf_counter(), time.process_time()
        if now_s - self._at_s >= LEAST_S:
            self._share = (used_s - self._used_s) / (now_s - self._at_s)
            self._at_s, self._used_s = now_s, used_s
        return self._share
