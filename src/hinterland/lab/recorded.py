"""Trials that an experiment's folder keeps, cut short or made by hand, and what `outcome` must make of them.

    {"why": "...", "history": {"treatment": ..., "seed": 0, "readings": ..., "events": [...],
     "operations": [...], "loads": {"NAME": {"loop": "open", "start_us": 0, "end_us": 9, "errors": [""],
     "intended_us": [...], "sent_us": [...], "done_us": [...], "error": [...], "connection": [...]}}},
     "outcome": {"metrics": {...}, "findings": [["KIND", "KEY"], ...], "tries": {...}, "broken": ["ID", ...]}}

Of `history` all but treatment and seed may be left out, of a load `error` and `connection` (0 for all).
Times of a load are microseconds, null where there was none: that is a third as long as a record's
nanoseconds, and exact enough. Of `outcome` each part may be left out that is empty; `broken` names the
assumptions that do not hold. JSON has no infinity: it is written "inf".
"""

from __future__ import annotations

from collections.abc import Callable
from math import isclose
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hinterland.model.history import UNFINISHED, Event, History, LoadSample, Operation
from hinterland.model.packets import DROPPED, FATES, PacketLog
from hinterland.model.verdict import Outcome

_APART, _LEAST = 1e-3, 1e-4  # Kept figures are rounded.
_WITNESSES = range(2, 6)


def history(kept: dict[str, Any]) -> History:
    """Returns a kept trial as the runner would hand it to `outcome`."""
    return History(
        treatment=kept["treatment"],
        seed=kept["seed"],
        readings=kept.get("readings", {}),
        events=msgspec.convert(kept.get("events", ()), tuple[Event, ...]),
        operations=msgspec.convert(kept.get("operations", ()), tuple[Operation, ...]),
        loads={name: load(columns) for name, columns in kept.get("loads", {}).items()},
    )


def load(kept: dict[str, Any]) -> LoadSample:
    """Returns a kept load."""
    count = len(kept["intended_us"])
    return LoadSample(
        intended_ns=_ns(kept["intended_us"]),
        sent_ns=_ns(kept["sent_us"]),
        done_ns=_ns(kept["done_us"]),
        status=np.zeros(count, np.int16),
        error=np.array(kept.get("error", [0] * count), np.int8),
        connection=np.array(kept.get("connection", [0] * count), np.int32),
        start_ns=round(kept["start_us"] * 1000),
        end_ns=round(kept["end_us"] * 1000),
        loop=kept["loop"],
        errors=tuple(kept.get("errors", ("",))),
    )


def _ns(times_us: list[float | None]) -> NDArray[np.int64]:
    return np.array([UNFINISHED if t is None else round(t * 1000) for t in times_us], np.int64)


def packets(rows: list[list[Any]]) -> PacketLog:
    """Returns a kept link's packets: rows [host that sent it, entered_us, left_us or null, size_bytes, fate].

    The hosts are `client` and `server`, the packets' heads are empty.
    """
    hosts = ("client", "server")
    columns = list(zip(*rows, strict=True)) or [()] * 5
    source = np.array([hosts.index(host) for host in columns[0]], np.int16)
    return PacketLog(
        hosts=hosts,
        source=source,
        destination=np.array(1 - source, np.int16),
        sent_ns=np.array(columns[1], np.int64) * 1000,
        done_ns=np.array([DROPPED if t is None else t * 1000 for t in columns[2]], np.int64),
        size_bytes=np.array(columns[3], np.int32),
        fate=np.array([FATES.index(fate) for fate in columns[4]], np.int8),
        duplicate=np.zeros(len(source), np.bool_),
        head=np.zeros((len(source), 128), np.uint8),
    )


def differences(found: Outcome, wanted: dict[str, Any]) -> list[str]:
    """Says in what an outcome is not what it must be: nothing, when it is.

    Findings must be those that are wanted, in their order, each with a witness of two to five events.
    """
    said = []
    metrics = {name: float(value) for name, value in wanted.get("metrics", {}).items()}
    for name in sorted(found.metrics.keys() | metrics.keys()):
        here, there = found.metrics.get(name), metrics.get(name)
        if here is None or there is None or not isclose(here, there, rel_tol=_APART, abs_tol=_LEAST):
            said.append(f"{name} is {here}, wanted {there}")
    findings = [[each.kind, each.key] for each in found.findings]
    if findings != wanted.get("findings", []):
        said.append(f"findings are {findings}, wanted {wanted.get('findings', [])}")
    said += [
        f"{each.says!r} has a witness of {len(each.witness)} events"
        for each in found.findings
        if len(each.witness) not in _WITNESSES
    ]
    if found.tries != wanted.get("tries", {}):
        said.append(f"tries are {found.tries}, wanted {wanted.get('tries', {})}")
    if broken(found) != wanted.get("broken", []):
        said.append(f"assumptions broken: {broken(found)}, wanted {wanted.get('broken', [])}")
    return said


def broken(found: Outcome) -> list[str]:
    """Returns the ids of the assumptions that do not hold."""
    return [each.id for each in found.assumptions if not each.held]


class Recorded:
    """The kept trials of one experiment: `Recorded(FOLDER, CODE.outcome)`.

    `read` makes a history of what a file keeps as `history`, where its form is not the one above.
    """

    def __init__(
        self,
        folder: Path,
        outcome: Callable[[History], Outcome],
        read: Callable[[dict[str, Any]], History] = history,
    ) -> None:
        self._folder = folder / "histories"
        self._outcome = outcome
        self._read = read

    @property
    def names(self) -> list[str]:
        """The names of the files, without their ending."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def file(self, name: str) -> dict[str, Any]:
        """Returns a whole file."""
        found: dict[str, Any] = msgspec.json.decode((self._folder / f"{name}.json").read_bytes())
        return found

    def trial(self, name: str) -> dict[str, Any]:
        """Returns the trial that is kept under a name, to be changed at will."""
        found: dict[str, Any] = self.file(name)["history"]
        return found

    def outcome(self, kept: dict[str, Any]) -> Outcome:
        """Returns what a kept trial comes to."""
        return self._outcome(self._read(kept))

    def broken(self, kept: dict[str, Any]) -> list[str]:
        """Returns the ids of the assumptions that do not hold in a kept trial."""
        return broken(self.outcome(kept))

    def differences(self, name: str) -> list[str]:
        """Says in what a file's trial does not come to what its `outcome` says."""
        return differences(self.outcome(self.trial(name)), self.file(name)["outcome"])
