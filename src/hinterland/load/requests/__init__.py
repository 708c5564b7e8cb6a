"""What a load sends and what it expects: mixes, chains, templates with data, checks and extracts.

`make_requests` makes the requests of a plan ready. `template` says how a text with `{names}` is written,
`values` what the names stand for, `places` what becomes of a value where it stands.
"""

from __future__ import annotations

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.engine.outgoing import Requests, Rows
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.requests.build import in_line
from hinterland.load.requests.foreign import can_be_named, examine_columns, suggested
from hinterland.load.requests.mix import MixedRequests
from hinterland.load.requests.rows import read_rows
from hinterland.load.requests.template import parse
from hinterland.load.requests.values import Names

__all__ = ["make_requests"]


def make_requests(plan: LoadPlan, *, processes: int = 1) -> Requests:
    """Returns the requests of a plan without a scenario, the same in each of its processes.

    Raises UsageError for a plan that can't be sent: a name that stands for nothing, a file that can't be
    read, a check that can't be decided, a value that would break out of its place.
    """
    if plan.target.traits.one_line:
        visits = [replace(one, requests=tuple(map(in_line, one.requests))) for one in plan.mix]
        plan = replace(plan, mix=tuple(visits))
    names = Names(plan.data, _rows(plan), seed=plan.seed, processes=processes)
    return MixedRequests(plan, names)


def _rows(plan: LoadPlan) -> Rows | None:
    """Returns the rows of data, with the columns that a request names."""
    if not plan.data.rows:
        return None
    texts = [
        text
        for visit in plan.mix
        for request in visit.requests
        for text in (request.path, request.body, *(value for _, value in request.headers))
    ]
    rows = read_rows(plan.data.rows, frozenset(name for text in texts for name in parse(text).names))
    examine_columns(rows.file, rows.names, texts)
    if not rows.columns:
        names = ", ".join(f"{{{name}}}" for name in rows.names if can_be_named(name))
        raise UsageError(
            f"no request has a value of {rows.file}.",
            f"Name one of its columns: {names}." if names else _renamed(rows),
        )
    return rows


def _renamed(rows: Rows) -> str:
    """Returns what to do where none of the columns can be named."""
    pairs = ", ".join(f"{name!r} {suggested(name)}" for name in rows.names)
    return f"None of its columns can stand in braces; call them in its first line: {pairs}."
