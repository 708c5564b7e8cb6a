"""Arguments that several verbs share, and how a person's text becomes a value."""

from __future__ import annotations

import re
from typing import Annotated, Any

from cyclopts import Parameter

from hinterland.errors import UsageError


def known_ids(_: Any) -> list[str]:
    """Returns the experiment ids for the shell's completion."""
    from hinterland import catalogue

    return [experiment.id for experiment in catalogue.experiments()]


def known_runs(_: Any) -> list[str]:
    """Returns the run ids for the shell's completion, `last` first."""
    from hinterland.store import LOAD, RUN, default_store

    store = default_store()
    return [
        "last",
        *sorted((path.parent.name for file in (RUN, LOAD) for path in store.glob(f"*/{file}")), reverse=True),
    ]


ExperimentId = Annotated[
    str,
    Parameter(
        name="ID",
        help="An experiment: region/name, its name alone if unique, or its folder.",
        completer=known_ids,
    ),
]
RunName = Annotated[
    str,
    Parameter(
        name="RUN",
        help="A run: its id, a part of it that is unique, its folder, or: last.",
        completer=known_runs,
    ),
]
Json = Annotated[bool, Parameter(negative=(), help="Print one JSON document instead of text.")]

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(text: str, name: str = "budget") -> float:
    """Returns the seconds that `30s`, `2m`, `1.5h` or `90` mean. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(s|m|min|h|)", text.strip().lower())
    if found is None:
        raise UsageError(f"{name}={text} must be a time.", "Give it as 30s, 2m or 90 (seconds).")
    value = float(found[1]) * _SECONDS[found[2]]
    if value <= 0:
        raise UsageError(f"{name}={text} must be above 0.", "Give it as 30s, 2m or 90 (seconds).")
    return value


def at_least_one(name: str, value: int | None) -> int | None:
    """Returns `value`. Raises UsageError if it is given and below 1."""
    if value is not None and value < 1:
        raise UsageError(f"{name}={value} must be at least 1.", f"Give 1 or more, or leave --{name} out.")
    return value
