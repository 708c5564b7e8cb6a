"""What a trial leaves behind: operations, load samples, events and readings on one monotonic clock.

Times are nanoseconds of CLOCK_MONOTONIC, which all processes of the machine share.
"""

from __future__ import annotations

from math import inf
from typing import Any, Literal

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from hinterland.model.experiment import Level
from hinterland.model.packets import PacketLog

Outcome3 = Literal["ok", "fail", "unknown"]
UNFINISHED = -1


class Operation(Struct, frozen=True):
    """One request of a correctness workload.

    `fail` means that it certainly did not happen; `unknown` that it may have: a timeout, a cut
    connection, a 5xx on a write. `done_ns` is -1 where no answer came. `argument` and `result` are
    JSON values.
    """

    kind: str
    key: str
    client: int
    intended_ns: int
    sent_ns: int
    done_ns: int
    outcome: Outcome3
    argument: Any = None
    result: Any = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether its answer says that it happened."""
        return self.outcome == "ok"

    @property
    def answered(self) -> bool:
        """Whether an answer came, whatever it said."""
        return self.done_ns != UNFINISHED and not self.error

    @property
    def took_ms(self) -> float:
        """How long it took from its sending to the end of its answer; inf where none came."""
        return (self.done_ns - self.sent_ns) / 1e6 if self.answered else inf

    @property
    def status(self) -> int:
        """The status of an HTTP answer, 0 where none came."""
        return int(self.result["status"]) if self.answered and self.result else 0

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that an HTTP answer set, by name."""
        return dict(self.result.get("cookies", {})) if self.answered and self.result else {}

    def body(self, name: str) -> Any:
        """Returns a field of an HTTP answer's JSON, None where there is none."""
        body = self.result["body"] if self.answered and self.result else None
        return body.get(name) if isinstance(body, dict) else None


class Event(Struct, frozen=True):
    """Something that happened to a trial other than an operation.

    kind `phase`: name is `prepare`, `warm_up`, `measure`, `settle` or `final`.
    kind `fault`: name is the verb; `stage` is `start` (asked for), `effect` (confirmed) or `end`; target is
    the process.
    kind `step`: a step point that a system announced; target is the process.
    kind `process`: name is `started`, `ready`, `exited`; kind `note`: free.
    kind `link`: name is `opened` (detail: tier, addresses, shapes, settings of each host), `changed`, `audit`
    (what the link measured of itself), `capture` (its packets could not be written) or `closed`; target is
    the link.
    """

    t_ns: int
    kind: Literal["phase", "fault", "step", "process", "note", "link"]
    name: str
    target: str = ""
    stage: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class LoadSample(Struct, frozen=True):
    """The operations of one load as columns, one entry an operation, in order of intended time.

    intended_ns, sent_ns, done_ns: int64; done_ns is -1 where no answer came, sent_ns -1 where it was never
    sent.
    For a closed loop intended_ns equals the moment the connection became free.
    status: int16, the protocol's status (HTTP 200), 0 where there is none.
    error: int8, an index into `errors`, 0 for none. connection: int32.
    start_ns, end_ns: the window in which load was offered. `loop` is `open` or `closed`.
    """

    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    status: NDArray[np.int16]
    error: NDArray[np.int8]
    connection: NDArray[np.int32]
    start_ns: int
    end_ns: int
    loop: Literal["open", "closed"]
    errors: tuple[str, ...] = ("",)
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which operations were answered without an error."""
        answered: NDArray[np.bool_] = (self.done_ns != UNFINISHED) & (self.error == 0)
        return answered

    @property
    def response_ms(self) -> NDArray[np.float64]:
        """How long each operation took from the moment it was due; inf where no good answer came."""
        return np.where(self.answered, (self.done_ns - self.intended_ns) / 1e6, np.inf)

    @property
    def service_ms(self) -> NDArray[np.float64]:
        """How long each operation took from its sending; inf where no good answer came."""
        return np.where(self.answered, (self.done_ns - self.sent_ns) / 1e6, np.inf)


class History(Struct, frozen=True):
    """Everything that one trial recorded; what `outcome` judges.

    `readings` holds final reads and measured facts by name, as JSON values. `packets` holds what each link
    carried, by the link's name, where it was asked to keep that.
    """

    treatment: dict[str, Level]
    seed: int
    operations: tuple[Operation, ...] = ()
    loads: dict[str, LoadSample] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    readings: dict[str, Any] = field(default_factory=dict)
    packets: dict[str, PacketLog] = field(default_factory=dict)

    def of(self, kind: str) -> tuple[Operation, ...]:
        """Returns the operations of a kind, in the order in which they were sent."""
        return tuple(each for each in self.operations if each.kind == kind)

    def one(self, kind: str, key: str) -> Operation:
        """Returns the first operation of this kind on this key. Raises LookupError where there is none."""
        found = next((each for each in self.operations if (each.kind, each.key) == (kind, key)), None)
        if found is None:
            raise LookupError(f"no operation {kind} on {key} was recorded")
        return found

    def faults(self, verb: str = "", stage: str = "effect") -> tuple[Event, ...]:
        """Returns the faults of a verb, such as `kill`, or all: the events that say that they took effect."""
        return tuple(
            event
            for event in self.events
            if event.kind == "fault" and event.stage == stage and verb in ("", event.name)
        )
