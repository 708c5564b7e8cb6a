"""What a load came to: histograms and counts, merged over the processes that drove it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from hinterland.load.plan.plan import LoadPlan
from hinterland.statistics.counts import Counts


class Second(Struct, frozen=True):
    """One second of a load, by the moment at which operations were due. Rates follow from the counts.

    due: operations due. answered: those of them that got a good answer in the end. errors: the others by
    kind. response: their times since they were due. completed: good answers that came in this second,
    whenever due.
    """

    second: int
    due: int
    answered: int
    completed: int
    errors: dict[str, int]
    response: Counts


class KindResult(Struct, frozen=True):
    """One request of the mix."""

    name: str
    operations: int
    answered: int
    errors: dict[str, int]
    statuses: dict[str, int]
    response: Counts
    service: Counts


class Stall(Struct, frozen=True):
    """A time in which a process of the generator did not get to its work."""

    at_s: float
    lasted_ms: float
    process: int


class GeneratorProcess(Struct, frozen=True):
    """One process of the generator, over the measured window.

    run_delay_share: the share of the time for which it was ready to run and had no core. cpu_share: of one
    core. loop_busy_share: the share of the time in which its event loop was not waiting (1 by design with
    `spin`, so there it is the share of turns that had work).
    """

    number: int
    operations: int
    connections: int
    cpu_share: float
    run_delay_share: float
    busy_share: float
    max_rss_bytes: int
    scheduler: str


class GeneratorAudit(Struct, frozen=True):
    """What the generator measured of itself, and whether the load's figures are the server's.

    lateness: from the moment an operation was due to the moment at which the generator noticed it (open
    loop). waited: operations that were due while no connection was free: time that belongs to the response.
    in_flight_mean: operations under way on average, sampled; little: rate x mean service time in the same
    window, which must agree with it. stalls: the longest, in order; stall_count and stalled_s speak of all.
    faults: why the generator was the limit, empty if it was not; advice: what to change.
    """

    lateness: Counts | None
    waited: int
    in_flight_mean: float
    little: float
    processes: tuple[GeneratorProcess, ...]
    stalls: tuple[Stall, ...] = ()
    faults: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    stall_count: int = 0
    stalled_s: float = 0.0


class LoadResult(Struct, frozen=True):
    """A load, finished or cut short.

    Histograms leave out the warm-up; `seconds` has it, too. response: from the moment an operation was due
    (closed loop: the moment its connection was free); service: from the moment it was sent. An operation
    without a good answer is in `missing` of both. errors: by kind, in the words of `load.recorder.ERRORS`,
    `status 503`, `check NAME`. open_errors: connections that could not be opened, by kind. asked_per_s: None
    in a closed loop. reached_per_s: good answers a second. partial: it was interrupted, or a process of the
    generator failed, and why. first_exception: the traceback of the first that a scenario raised, else all
    that is known of why a process failed, empty if there is none. surplus_answers: how often the server sent
    more than it was asked for, and the connection was closed for it. reasons: why, in the words of whoever
    knew, by the error: each reason and how often it was that, the one heard first in front. notes: what is no
    error and should be known, and how often it was.
    """

    plan: LoadPlan
    started: str
    window_s: float
    operations: int
    answered: int
    asked_per_s: float | None
    reached_per_s: float
    response: Counts
    service: Counts
    errors: dict[str, int]
    statuses: dict[str, int]
    kinds: tuple[KindResult, ...]
    seconds: tuple[Second, ...]
    generator: GeneratorAudit
    bytes_received: int = 0
    connections_opened: int = 0
    connect: Counts | None = None
    open_errors: dict[str, int] = field(default_factory=dict)
    partial: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    first_exception: str = ""
    surplus_answers: int = 0
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
