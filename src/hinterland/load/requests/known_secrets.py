"""The secrets that a load sends, so that they can be taken out of what its servers and its scenario say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hinterland.clients.message import Response
from hinterland.load.engine.outgoing import Rows
from hinterland.load.plan.plan import LoadPlan, RequestPlan
from hinterland.model.secrecy import is_filled_in, is_secret, secrets_in


def of_plan(plan: LoadPlan, rows: Rows | None) -> frozenset[str]:
    """Returns the secrets of a plan and of the columns of its data."""
    found = {plan.target.password, *secrets_in(plan.target.path)}
    for request in (request for visit in plan.mix for request in visit.requests):
        found.update(_of_request(request))
    if rows is not None:
        found.update(cell for name, column in rows.columns.items() if is_secret(name) for cell in column)
    return frozenset(found)


def of_headers(headers: Iterable[tuple[str, str]]) -> set[str]:
    """Returns the secrets among headers: the values, and of `Bearer x` and `sid=x; a=y` the parts."""
    found: set[str] = set()
    for name, value in headers:
        if not is_secret(name) or is_filled_in(value):
            continue
        found.add(value)
        found.update(part.partition("=")[2] for part in value.split(";") if "=" in part)
        found.add(value.partition(" ")[2] if ";" not in value else "")
    return found


def of_options(path: str, options: Mapping[str, Any]) -> set[str]:
    """Returns the secrets of a request as a scenario makes it."""
    found = {*secrets_in(path), *of_headers((options.get("headers") or {}).items())}
    found.update(_of_value("", options.get("json")))
    body = options.get("body")
    if isinstance(body, bytes):
        found.update(secrets_in(body.decode("utf-8", "replace")))
    return found


def of_answer(response: Response) -> set[str]:
    """Returns the secrets that an answer gave: its cookies, and what a JSON or a form calls one."""
    return {*of_headers(response.headers.items()), *secrets_in(response.text)}


def of_row(row: Mapping[str, str]) -> set[str]:
    """Returns the secrets of a row of data."""
    return {cell for name, cell in row.items() if is_secret(name)}


def _of_request(request: RequestPlan) -> set[str]:
    return {*secrets_in(request.path), *secrets_in(request.body), *of_headers(request.headers)}


def _of_value(name: str, value: object) -> set[str]:
    """Returns the secrets of a value that becomes JSON, by the keys that they stand under."""
    if isinstance(value, Mapping):
        return {secret for key, each in value.items() for secret in _of_value(str(key), each)}
    if isinstance(value, list | tuple):
        return {secret for each in value for secret in _of_value(name, each)}
    return {value} if isinstance(value, str) and is_secret(name) else set()
