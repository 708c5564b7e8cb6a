"""The options of `hinterland load`, in the groups in which its help shows them.

Those that say what is asked of a load are made of `Asked`, where each is declared; here are only those that
have no other place: where the requests come from that another tool made, what is judged and what is written.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from hinterland.cli.terminal.options import known_runs
from hinterland.load.options.declared import OPTIONS, Asked
from hinterland.load.options.option import Option, written_as

ARRIVALS = Group("Arrivals: an open loop, unless --closed", sort_key=1)
CONNECTIONS = Group("Connections", sort_key=2)
REQUESTS = Group("Requests", sort_key=3)
JUDGING = Group("Judging", sort_key=4)
OUTPUT = Group("Output", sort_key=5)
GENERATOR = Group("The generator itself", sort_key=6)

CURL = Annotated[
    str | None, Parameter(metavar="'curl ...'", help="What this curl command sends, in place of a URL.")
]
HAR = Annotated[
    Path | None, Parameter(metavar="FILE", help="The requests that a browser saved, as one visit.")
]
FIND_CAPACITY = Annotated[
    str | None, Parameter(metavar="'p99 < 20ms'", help="Search the highest rate at which it holds.")
]
VS = Annotated[
    str | None,
    Parameter(metavar="RUN", help="Compare with an earlier load: its id, or last.", completer=known_runs),
]
BEHIND: dict[str, list[tuple[str, Any]]] = {
    "scenario": [("curl", CURL), ("har", HAR)],
    "objectives": [("find_capacity", FIND_CAPACITY), ("vs", VS)],
}
"""The options of the command line alone, by the one that they follow."""


def given_as(name: str) -> str:
    """Returns the name under which a field of `Asked` is given: a time has its unit in its value."""
    return name.removesuffix("_s")


def _parameter(option: Option, kind: Any) -> Parameter:
    said: dict[str, Any] = {"help": option.says}
    if option.names:
        said["name"] = option.names
    if option.metavar:
        said["metavar"] = option.metavar
    if kind is bool or kind == tuple[str, ...]:
        said["negative"] = ()
    return Parameter(**said)


def _default(name: str, option: Option) -> Any:
    """Returns what stands for an option that is not given, as it would be written."""
    declared = next(field.default for field in fields(Asked) if field.name == name)
    if option.read is None or declared is None:
        return declared
    return f"{declared:g}s" if isinstance(declared, float) else None


def _options(kind: str, group: str, says: str) -> Any:
    """Returns the class of a group's options, as cyclopts reads them."""
    found: list[tuple[str, Any, Any]] = []
    for name, option in OPTIONS.items():
        if option.group != group:
            continue
        written = written_as(Asked, name)
        found.append(
            (given_as(name), Annotated[written, _parameter(option, written)], _default(name, option))
        )
        found.extend((other, hint, None) for other, hint in BEHIND.get(name, ()))
    assert all(default is not MISSING for _, _, default in found)
    return make_dataclass(kind, found, frozen=True, namespace={"__doc__": says, "__module__": __name__})


if TYPE_CHECKING:
    ArrivalOptions: TypeAlias = Any
    ConnectionOptions: TypeAlias = Any
    RequestOptions: TypeAlias = Any
    JudgingOptions: TypeAlias = Any
    GeneratorOptions: TypeAlias = Any
else:
    ArrivalOptions = _options("ArrivalOptions", "arrivals", "When operations are due.")
    ConnectionOptions = _options("ConnectionOptions", "connections", "What the requests travel on.")
    RequestOptions = _options("RequestOptions", "requests", "What is sent, and which answers are good.")
    JudgingOptions = _options("JudgingOptions", "judging", "What must hold.")
    GeneratorOptions = _options("GeneratorOptions", "generator", "How the generator works.")


@dataclass(frozen=True)
class OutputOptions:
    """What is shown and written."""

    json: Annotated[bool, Parameter(negative=(), help="Print one JSON document instead of text.")] = False
    hdr: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="The histograms, second by second, as an HdrHistogram log."),
    ] = None
    operations: Annotated[Path | None, Parameter(metavar="FILE", help="Every operation, as Parquet.")] = None
    report: Annotated[Path | None, Parameter(metavar="FILE", help="The page, besides the record's.")] = None
    junit: Annotated[
        Path | None, Parameter(metavar="FILE", help="JUnit XML: a test case for each assertion.")
    ] = None
    open: Annotated[bool, Parameter(negative=(), help="Open the page in a browser.")] = False
    quiet: Annotated[bool, Parameter(negative=(), help="No progress, only the summary.")] = False
    no_live: Annotated[bool, Parameter(negative=(), help="Progress as plain lines.")] = False
