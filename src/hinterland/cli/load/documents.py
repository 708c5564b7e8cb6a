"""The documents of `hinterland load --json`. docs/reference/cli.md is made from these classes, too.

Apart from the others, because numpy comes with what they hold.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.record import Asserted


class LoadTimes(Struct, frozen=True):
    """The times of operations. Percentiles are over all of them, also those that no good answer came to.

    answered: operations with a time; missing: those without. percentiles_s: by name (`p99.9`), null where
    one lies among the missing; none that fewer than ten operations lie beyond. least_s, most_s, mean_s: of
    the answered. histogram: (time in ns, count) pairs, the time at most 0.1 % too high: add those of
    several loads before taking percentiles.
    """

    answered: int
    missing: int
    percentiles_s: dict[str, float | None]
    least_s: float | None
    most_s: float | None
    mean_s: float | None
    histogram: tuple[tuple[int, int], ...] = ()


class LoadKind(Struct, frozen=True):
    """One request of a mix."""

    name: str
    operations: int
    answered: int
    errors: dict[str, int]
    statuses: dict[str, int]
    response: LoadTimes
    service: LoadTimes


class LoadSecond(Struct, frozen=True):
    """One second from the start, warm-up included. completed: good answers that came in it, whenever due."""

    second: int
    due: int
    answered: int
    completed: int
    errors: dict[str, int]
    response: LoadTimes


class LoadGenerator(Struct, frozen=True):
    """What the generator measured of itself. faults: why it was the limit, which voids the load.

    lateness: from the moment an operation was due to the moment at which the generator noticed. waited:
    operations that were due while no connection was free. little: rate x mean service time, which must
    agree with `in_flight_mean`.
    """

    schedulers: tuple[str, ...]
    processes: int
    lateness: LoadTimes | None
    waited: int
    in_flight_mean: float
    little: float
    run_delay_share: float
    stalls: int
    faults: tuple[str, ...]
    advice: tuple[str, ...]


class LoadFigures(Struct, frozen=True):
    """What a load came to. response: since an operation was due; service: since it was sent.

    asked_per_s: null in a closed loop. reached_per_s: good answers a second. errors: operations without a
    good answer, by kind. reasons: why, by kind, in the words of whoever knew, and how often it was that.
    notes: what is no error and should be known. open_errors: attempts to connect that failed, by kind.
    partial: why it was cut short, empty if it was not.
    """

    model: Literal["open", "closed"]
    window_s: float
    operations: int
    answered: int
    asked_per_s: float | None
    reached_per_s: float
    errors: dict[str, int]
    statuses: dict[str, int]
    open_errors: dict[str, int]
    reasons: dict[str, dict[str, int]]
    notes: dict[str, int]
    response: LoadTimes
    service: LoadTimes
    connect: LoadTimes | None
    connections_opened: int
    bytes_received: int
    kinds: tuple[LoadKind, ...]
    seconds: tuple[LoadSecond, ...]
    generator: LoadGenerator
    partial: str
    machine: dict[str, Any]


class LoadDocument(Struct, frozen=True):
    """The document of `load --json`, and of `report --json` for a load.

    load: its id. figures: of a load; capacity: of a search for the highest rate. comparison: with the load
    named by `--vs`. plan: what was asked, without secrets.
    """

    load: str
    url: str
    status: Literal["finished", "interrupted"]
    exit_status: int
    plan: LoadPlan
    figures: LoadFigures | None
    capacity: CapacityResult | None
    asserted: tuple[Asserted, ...]
    comparison: Comparison | None
    started_at: float
    ended_at: float
    command: str
    folder: str
    report: str
