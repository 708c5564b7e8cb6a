"""An option of a load: how a person gives it, and where the plan keeps it.

It stands beside the field of `Asked` that holds its value, and nowhere else: the command line, its help and
the plan are made from there.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal

Group = Literal["arrivals", "connections", "requests", "judging", "generator"]


def as_it_is(value: Any) -> Any:
    """Returns what it is given."""
    return value


@dataclass(frozen=True)
class Option:
    """How an option is given, and kept.

    group: where help shows it. says, metavar: what help says of it, and calls its value. names: as it is
    written, where that is not `--` and the field's name. read: makes the value of a text. kept: the field of
    the plan that holds it, empty where the plan is made of it in another way. keep: makes of a value what
    the plan keeps; raises UsageError for one that can't be.
    """

    group: Group
    says: str
    metavar: str = ""
    names: tuple[str, ...] = ()
    read: Callable[[str], Any] | None = None
    kept: str = ""
    keep: Callable[[Any], Any] = as_it_is


@cache
def options_of(declared: type) -> dict[str, Option]:
    """Returns the options that a class declares as `Annotated[kind, Option(...)]`, by field."""
    return {
        name: option
        for name, hint in _hints(declared).items()
        for option in getattr(hint, "__metadata__", ())
        if isinstance(option, Option)
    }


def written_as(declared: type, name: str) -> Any:
    """Returns the type of an option on a command line: what is read is a text, a file is a `Path`."""
    hint = typing.get_args(_hints(declared)[name])[0]
    kinds = set(typing.get_args(hint)) if isinstance(hint, UnionType) else {hint}
    if options_of(declared)[name].read is not None:
        return str | None
    if Path in kinds:
        return Path | None
    return tuple[str, ...] if any(typing.get_origin(kind) is not None for kind in kinds) else hint


@cache
def _hints(declared: type) -> dict[str, Any]:
    return typing.get_type_hints(declared, include_extras=True)
