"""What a value of an option must be, and which options can't stand together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from hinterland.errors import UsageError
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Objective, Scheduler

SCHEDULERS = ("spin", "timerfd", "tick")


def together(first: str, given: object, second: str, also: object) -> None:
    """Raises UsageError where both options are given."""
    if given is not None and also is not None:
        raise UsageError(f"{first} and {second} can't stand together.", "Give one of them.")


def file_of(name: str, path: str | Path | None) -> str:
    """Returns the absolute path of a file that can be read, empty for none. Raises UsageError."""
    if path is None:
        return ""
    file = Path(path).expanduser().absolute()
    try:
        with file.open("rb"):
            return str(file)
    except OSError as error:
        raise UsageError(
            f"{name}={path} can't be read: {error.strerror or error}.", "Give a file of yours."
        ) from error


def examine_body(name: str, body: str) -> None:
    """Raises UsageError for a body that names a file, as other tools write it: the name would be sent."""
    if body.startswith("@") and len(body.split()) == 1:
        raise UsageError(
            f"{name}={body} would be sent as that text, not as the file.",
            f"Give the file as body-file: {body[1:]}",
        )


def above_zero(name: str, value: float) -> float:
    """Returns the value. Raises UsageError for one that is not above 0."""
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name}={value:g} must be above 0.", f"Or leave {name} out.")
    return float(value)


def at_least_zero(name: str, value: float) -> float:
    """Returns the value. Raises UsageError for one below 0."""
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{name}={value:g} must be 0 or more.", f"Or leave {name} out.")
    return float(value)


def known_scheduler(name: str | None) -> Scheduler | None:
    """Returns the scheduler of this name. Raises UsageError where there is none."""
    if name is not None and name not in SCHEDULERS:
        raise UsageError(
            f"scheduler={name} must be spin, timerfd or tick.", "Or leave it out: it is chosen by itself."
        )
    return name  # type: ignore[return-value]


def read_objectives(given: Iterable[str | Objective]) -> tuple[Objective, ...]:
    """Returns what must hold; texts are read. Raises UsageError for one that means nothing."""
    return tuple(parse_objective(one) if isinstance(one, str) else one for one in given)
