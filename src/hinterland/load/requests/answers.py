"""Checks and extracts made ready: each a function of the answer."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec

from hinterland.clients.cookies import named
from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.plan.notation import NUMERIC, examine_check, examine_pattern, render_extract
from hinterland.load.plan.plan import Check, Extract
from hinterland.load.requests.rows import as_text

Decision = Callable[[Response], bool]
Finding = Callable[[Response], str | None]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def decision(check: Check) -> Decision:
    """Returns what decides whether an answer satisfies the check. Raises UsageError where nothing could."""
    examine_check(check)
    match check.of:
        case "status":
            return _number(check, lambda response: response.status)
        case "length":
            return _number(check, lambda response: len(response.body))
        case "body":
            return _body(check)
        case "header":
            return _header(check)


def _number(check: Check, read: Callable[[Response], int]) -> Decision:
    compare, value = _COMPARE[check.operator], float(check.value)
    return lambda response: compare(read(response), value)


def _body(check: Check) -> Decision:
    value = check.value.encode()
    match check.operator:
        case "=":
            return lambda response: response.body == value
        case "!=":
            return lambda response: response.body != value
        case "contains":
            return lambda response: value in response.body
        case _:
            pattern = re.compile(check.value)
            return lambda response: pattern.search(response.text) is not None


def _header(check: Check) -> Decision:
    """An answer without the header satisfies nothing but `!=`."""
    name, value = check.name.lower(), check.value
    if check.operator in NUMERIC:
        return _header_number(name, _COMPARE[check.operator], float(value))
    match check.operator:
        case "=":
            return lambda response: response.headers.get(name) == value
        case "!=":
            return lambda response: response.headers.get(name) != value
        case "contains":
            return lambda response: value in response.headers.get(name, "") and name in response.headers
        case _:
            pattern = re.compile(value)
            return lambda response: name in response.headers and bool(pattern.search(response.headers[name]))


def _header_number(name: str, compare: Callable[[Any, Any], bool], value: float) -> Decision:
    def decide(response: Response) -> bool:
        try:
            return compare(float(response.headers[name]), value)
        except (KeyError, ValueError):
            return False

    return decide


def finding(extract: Extract) -> Finding:
    """Returns what takes the value out of an answer: None, or nothing, where it is not there.

    Raises UsageError where the extract can't be.
    """
    if not extract.path.strip():
        raise UsageError(f"extract {render_extract(extract)!r} says not where.", "Give json:items.0.id.")
    match extract.source:
        case "json":
            return _json(extract.path.split("."))
        case "header":
            name = extract.path.strip().lower()
            return lambda response: response.headers.get(name)
        case "cookie":
            cookie = extract.path.strip()
            return lambda response: named(response.headers.get("set-cookie", ""), cookie)
        case "pattern":
            examine_pattern(f"extract {render_extract(extract)!r}", extract.path)
            return _pattern(re.compile(extract.path))


def _pattern(pattern: re.Pattern[str]) -> Finding:
    group = 1 if pattern.groups else 0

    def find(response: Response) -> str | None:
        found = pattern.search(response.text)
        return found[group] if found else None

    return find


def _json(keys: list[str]) -> Finding:
    def find(response: Response) -> str | None:
        try:
            value = msgspec.json.decode(response.body)
            for key in keys:
                value = value[int(key)] if isinstance(value, list) else value[key]
        except (msgspec.DecodeError, LookupError, ValueError, TypeError):
            return None
        return None if value is None else as_text(value)

    return find
