"""Ctrl-C: the first ends the run with its record readable, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from hinterland.errors import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, the first of SIGINT, SIGTERM or SIGHUP sets `asked` and makes `wake` readable.

    A second one exits with status 130; the keeper cleans up, because its pipe closes. Outside the main
    thread signals are left alone.
    """

    def __init__(self) -> None:
        self.asked = False
        self.wake, self._wake_write = os.pipe()
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup_before = -1

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            # The kernel's handler itself writes to `wake`. Ours, in Python, would not run for a signal that
            # comes just before a blocking call begins, until that call returns.
            os.set_blocking(self._wake_write, False)
            self._wakeup_before = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.wake)
        os.close(self._wake_write)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            os._exit(INTERRUPTED)
        self.asked = True
