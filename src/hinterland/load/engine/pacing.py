"""When the generator looks at its schedule: all the time, or when an absolute timer fires.

- `spin`: the loop turns without sleeping and looks at the clock each time. Late by about a microsecond, and
  it keeps one core busy; right where the system under test has a core of its own.
- `timerfd`: a timer of the kernel is set to each due moment. Late by 20 to 500 microseconds; leaves the core
  to the server, so it is right where both share one.
- `tick`: the timer of the event loop, which counts milliseconds. Late by about one; costs the least, and is
  there everywhere.

A gap of several milliseconds is slept through in all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hinterland.errors import InternalError
from hinterland.load.plan.plan import Scheduler

Pacing = Scheduler
Look = Callable[[int], int]
"""Takes now in ns, sends what is due, returns when the next operation is due, or NEVER."""

NEVER = 1 << 62
# A loop timer counts in milliseconds and may fire one late: sleep only where two are left to spin.
SLEEP_ABOVE_NS = 5_000_000
SPIN_LAST_NS = 3_000_000
# So much of a core must be idle beside those that spin: what is left is the server's.
SPARE = 0.5


def choose(processes: int = 1, idle_cores: float = math.inf) -> Pacing:
    """Returns `spin` where each process of the generator can have a core and one is left, else `timerfd`.

    `tick` where there is no timerfd: some sandboxes that imitate a kernel have none.
    `idle_cores`: how many nobody else uses, as far as that is known. A spinning process that has to share its
    core is put aside for milliseconds at a time; one that sleeps is let in as soon as it wakes.
    """
    free = cores() >= processes + 1 and idle_cores >= processes + SPARE
    if free:
        return "spin"
    return "timerfd" if _timerfd_here() else "tick"


def cores() -> int:
    """Returns how many cores there are for generator and server together.

    The generator itself may be confined to one; the parent's cores count too. A CPU quota counts as cores.
    """
    allowed = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):  # The parent may be gone.
        allowed = allowed | os.sched_getaffinity(os.getppid())
    return max(1, int(min(len(allowed), _quota_cores())))


def _quota_cores() -> float:
    """Returns how many cores' worth of time the control group may use; infinite where nothing limits it."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text().strip()
            period = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return float("inf")
    if quota in ("max", "-1"):
        return float("inf")
    return int(quota) / int(period)


class Pacer(Protocol):
    """Calls `look` whenever something is due until it says NEVER or `stop` is called.

    `turns` is how often it came round, whether or not anything was due.
    """

    turns: int

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Spin:
    """Looks at every turn of the loop."""

    def __init__(self, look: Look) -> None:
        self._loop = asyncio.get_running_loop()
        self._look = look
        self._stopped = False
        self._due_ns = 0
        self.turns = 0

    def start(self) -> None:
        self._turn()

    def stop(self) -> None:
        self._stopped = True

    def _turn(self) -> None:
        if self._stopped:
            return
        self.turns += 1
        now = time.monotonic_ns()
        if now >= self._due_ns:
            self._due_ns = self._look(now)
            if self._due_ns == NEVER:
                return
        gap = self._due_ns - now
        if gap > SLEEP_ABOVE_NS:
            self._loop.call_later((gap - SPIN_LAST_NS) / 1e9, self._turn)
        else:
            self._loop.call_soon(self._turn)


class TimerFd:
    """Looks when a timerfd, set to the absolute moment, becomes readable."""

    def __init__(self, look: Look) -> None:
        self._loop = asyncio.get_running_loop()
        self._look = look
        self._fd = _timerfd_create()
        self.turns = 0

    def start(self) -> None:
        self._loop.add_reader(self._fd, self._fired)
        _timerfd_set(self._fd, 1)

    def stop(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _fired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        self.turns += 1
        due_ns = self._look(time.monotonic_ns())
        if due_ns != NEVER and self._fd >= 0:
            _timerfd_set(self._fd, due_ns)


class Tick:
    """Looks when a timer of the event loop fires."""

    def __init__(self, look: Look) -> None:
        self._loop = asyncio.get_running_loop()
        self._look = look
        self._handle: asyncio.TimerHandle | None = None
        self._stopped = False
        self.turns = 0

    def start(self) -> None:
        self._turn()

    def stop(self) -> None:
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        self.turns += 1
        now = time.monotonic_ns()
        due_ns = self._look(now)
        if due_ns != NEVER and not self._stopped:
            # uvloop rounds to the nearest millisecond: what is due in less than half of one must not spin.
            self._handle = self._loop.call_later(max(0.001, (due_ns - now) / 1e9), self._turn)


def pacer(kind: Pacing, look: Look) -> Pacer:
    """Returns a pacer of the kind; it must be stopped."""
    kinds: dict[Scheduler, Callable[[Look], Pacer]] = {"spin": Spin, "timerfd": TimerFd, "tick": Tick}
    return kinds[kind](look)


async def idle_turn_ns() -> float:
    """Returns how long a turn of the running loop takes that finds nothing to do, in ns."""
    fastest = float("inf")
    for _ in range(5):
        spin = Spin(lambda now: now + SLEEP_ABOVE_NS - 1)
        began_ns = time.monotonic_ns()
        spin.start()
        await asyncio.sleep(0.002)
        spin.stop()
        fastest = min(fastest, (time.monotonic_ns() - began_ns) / spin.turns)
    return fastest


# timerfd is in `os` only from Python 3.13 on.


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC, _ABSOLUTE = 1, 1


def _timerfd_create() -> int:
    fd: int = _LIBC.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise InternalError(f"timerfd_create: {os.strerror(ctypes.get_errno())}")
    return fd


def _timerfd_here() -> bool:
    try:
        os.close(_timerfd_create())
    except InternalError:
        return False
    return True


def _timerfd_set(fd: int, at_ns: int) -> None:
    """Sets the timer to an absolute moment of CLOCK_MONOTONIC; one in the past fires at once."""
    spec = _Itimerspec(0, 0, at_ns // 1_000_000_000, at_ns % 1_000_000_000)
    if _LIBC.timerfd_settime(fd, _ABSOLUTE, ctypes.byref(spec), None) < 0:
        raise InternalError(f"timerfd_settime: {os.strerror(ctypes.get_errno())}")
