"""Keeps the garbage collector away while a load runs, and reads how the generator itself fared."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_SCHEDULER = Path("/proc/thread-self/schedstat")


class Watch:
    """A `with` block around a load. `detail` then holds:

    - `cpu_share`: the share of the time that this thread ran; near 1 in a closed loop, it was the limit.
    - `run_delay_share`: the share of the time that it was ready to run and the core was another's; None
      where the kernel keeps no such count.
    """

    def __init__(self) -> None:
        self.detail: dict[str, Any] = {}
        self._start_ns = self._cpu_ns = 0
        self._delay_ns: int | None = None
        self._collects = True

    def __enter__(self) -> Watch:
        self._collects = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._start_ns, self._cpu_ns, self._delay_ns = (
            time.monotonic_ns(),
            time.thread_time_ns(),
            run_delay_ns(),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        elapsed_ns = max(1, time.monotonic_ns() - self._start_ns)
        delay_ns = run_delay_ns()
        known = delay_ns is not None and self._delay_ns is not None
        self.detail = {
            "cpu_share": (time.thread_time_ns() - self._cpu_ns) / elapsed_ns,
            "run_delay_share": (delay_ns - self._delay_ns) / elapsed_ns if known else None,  # type: ignore[operator]
        }
        gc.unfreeze()
        if self._collects:
            gc.enable()


def run_delay_ns() -> int | None:
    """Returns how long this thread has waited for a core, in ns."""
    try:
        return int(_SCHEDULER.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
