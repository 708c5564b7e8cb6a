"""The four kinds of error, told apart by whose move is next.

Each message gives the value, the rule it broke and the next step, so that nobody
needs a traceback to go on.
"""

from __future__ import annotations

from typing import NamedTuple

HOLDS, REFUTED, INCONCLUSIVE = 0, 1, 2
USAGE, SETUP, INTERNAL = 64, 69, 70
INTERRUPTED = 130


class HinterlandError(Exception):
    """An error with a next step.

    `says` is the value and the rule it broke, `next_step` what to do about it.
    """

    exit_status = INTERNAL

    def __init__(self, says: str, next_step: str = "") -> None:
        super().__init__(says)
        self.says = says
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.says}\n  {self.next_step}" if self.next_step else self.says


class UsageError(HinterlandError):
    """The person's move: an argument is wrong."""

    exit_status = USAGE


class SetupError(HinterlandError):
    """The machine lacks something; `next_step` names the command that installs it."""

    exit_status = SETUP


class SystemFailure(HinterlandError):
    """The system under test broke; `log` holds its last lines."""

    exit_status = INCONCLUSIVE

    def __init__(self, says: str, next_step: str = "", *, log: tuple[str, ...] = ()) -> None:
        super().__init__(says, next_step)
        self.log = log

    def __str__(self) -> str:
        lines = [super().__str__()]
        if self.log:
            lines.append("  Its last log lines:")
            lines += [f"    {line}" for line in self.log]
        return "\n".join(lines)


class InternalError(HinterlandError):
    """Our move: a bug of Hinterland; `next_step` says where the record is."""


class Packed(NamedTuple):
    """An error on its way to another process, as plain values."""

    kind: str
    says: str
    next_step: str = ""
    log: tuple[str, ...] = ()


def packed(error: BaseException) -> Packed:
    """Returns an error as plain values."""
    name = type(error).__name__
    if isinstance(error, HinterlandError):
        return Packed(name, error.says, error.next_step, getattr(error, "log", ()))
    return Packed(name, str(error))


def unpacked(found: Packed, who: str = "another process") -> HinterlandError:
    """Returns the error again; one that is none of ours is a bug of `who`."""
    if found.kind == SystemFailure.__name__:
        return SystemFailure(found.says, found.next_step, log=tuple(found.log))
    for kind in (UsageError, SetupError, InternalError):
        if found.kind == kind.__name__:
            return kind(found.says, found.next_step)
    return InternalError(f"{who}: {found.says} ({found.kind}).")
