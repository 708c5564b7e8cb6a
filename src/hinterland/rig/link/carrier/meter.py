"""What the forwarder measures of itself while it works, cheap enough to be always on."""

from __future__ import annotations

import resource
import time
from typing import Any

BIN_SHIFT = 12
BINS = 16_384
"""Lateness is counted in bins of 4.096 us up to 67 ms; what is later only shows in the maximum."""

WINDOW_NS = 100_000_000


class Meter:
    """Counts lateness, refused writes, and how busy the loop is."""

    def __init__(self) -> None:
        self._forget_lateness()
        self._since = "opening"
        self._errors: dict[str, int] = {}
        self._passes = 0
        self._full_ns = 0
        self._last_ns = 0
        self._was_full = False
        self._window_ns = 0
        self._window_cpu_ns = 0
        self._busiest = 0.0
        self.start()

    def start(self) -> None:
        """Starts the clocks of this process."""
        self._last_ns = self._window_ns = self.opened_ns = time.monotonic_ns()
        self._window_cpu_ns = self._opened_cpu_ns = time.thread_time_ns()
        self._opened_delay_ns = run_delay_ns()

    def measure(self) -> None:
        """Counts lateness anew: what it serves was prepared until now, and is measured from here on."""
        self._forget_lateness()
        self._since = "measuring"

    def _forget_lateness(self) -> None:
        self._bins = [0] * (BINS + 1)
        self._latest_ns = 0

    def late(self, late_ns: int) -> None:
        """Counts a packet that was handed over `late_ns` after its moment."""
        if late_ns > self._latest_ns:
            self._latest_ns = late_ns
        bin_ = late_ns >> BIN_SHIFT
        self._bins[bin_ if bin_ < BINS else BINS] += 1

    def refused(self, error: OSError) -> None:
        """Counts a packet that the kernel would not take or give."""
        name = type(error).__name__ + f" {error.errno}"
        self._errors[name] = self._errors.get(name, 0) + 1

    def passed(self, now_ns: int, full: bool) -> None:
        """Counts one pass of the loop; full: an end had more packets than one pass reads."""
        self._passes += 1
        if self._was_full:
            self._full_ns += now_ns - self._last_ns
        self._was_full = full
        self._last_ns = now_ns
        if now_ns - self._window_ns > WINDOW_NS:
            cpu_ns = time.thread_time_ns()
            share = (cpu_ns - self._window_cpu_ns) / (now_ns - self._window_ns)
            self._busiest = max(self._busiest, share)
            self._window_ns, self._window_cpu_ns = now_ns, cpu_ns

    def report(self) -> dict[str, Any]:
        """Returns the counters as JSON values; times in microseconds, None where nothing was scheduled."""
        scheduled = sum(self._bins)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "since": self._since,
            "scheduled": scheduled,
            "lateness_p50_us": self._percentile_us(scheduled, 0.50),
            "lateness_p99_us": self._percentile_us(scheduled, 0.99),
            "lateness_max_us": self._latest_ns / 1000 if scheduled else None,
            "errors": dict(self._errors),
            "passes": self._passes,
            "open_us": (time.monotonic_ns() - self.opened_ns) / 1000,
            "cpu_us": (time.thread_time_ns() - self._opened_cpu_ns) / 1000,
            "run_delay_us": (run_delay_ns() - self._opened_delay_ns) / 1000,
            "preempted": usage.ru_nivcsw,
            "behind_us": self._full_ns / 1000,
            "busiest": self._busiest,
        }

    def _percentile_us(self, count: int, share: float) -> float | None:
        """Returns the upper edge of the bin that holds it, so never less than it was."""
        if not count:
            return None
        seen = 0
        for number, here in enumerate(self._bins[:BINS]):
            seen += here
            if seen >= share * count:
                return min((number + 1) << BIN_SHIFT, self._latest_ns) / 1000
        return self._latest_ns / 1000


def run_delay_ns() -> int:
    """Returns how long this process was ready to run but had no core, 0 where the kernel does not say."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
