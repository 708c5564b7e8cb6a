"""What a load sends, as a person asks for it: of the URL and the options, of lines, or of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.options.rules import examine_body, file_of
from hinterland.load.plan import notation as load_words
from hinterland.load.plan.plan import RequestPlan, Target, Weighted
from hinterland.load.plan.request_line import parse_request_line
from hinterland.model.secrecy import hidden, is_secret

if TYPE_CHECKING:
    from hinterland.load.options.declared import Asked


def mix_of(asked: Asked, target: Target) -> tuple[Weighted, ...]:
    """Returns the visits: those of `request` or of a file, else the one that the URL and the rest mean."""
    ways = {"request": asked.request or None, "requests": asked.requests, "scenario": asked.scenario}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(given)} can't stand together: each says what is sent.", "Give one of them."
        )
    one = {"method": asked.method, "body": asked.body, "body-file": asked.body_file}
    for name, value in one.items():
        if given and value is not None:
            raise UsageError(
                f"{name} does not go with {given[0]}, which says what each request is.",
                "Such as: --request '3:POST /items {\"a\": 1}'"
                if given == ["request"]
                else f"Put it into {given[0]}.",
            )
    if given:
        _only_says(given[0], asked)
    if asked.scenario is not None:
        return (Weighted(),)
    if asked.requests is not None:
        from hinterland.load.options.request_file import read_requests

        visits = read_requests(Path(asked.requests).expanduser(), target.protocol)
    elif asked.request:
        visits = tuple(_weighted(each, target) for each in asked.request)
    else:
        visits = (Weighted(cookies=True, requests=(_single(asked, target),)),)
    return tuple(_with_shared(visit, asked, target) for visit in visits)


def _only_says(way: str, asked: Asked) -> None:
    """Raises UsageError for what would be passed over, because `way` says what each request is."""
    of_each = {"header": asked.header, "check": asked.check, "extract": asked.extract}
    for name, value in of_each.items():
        if way == "scenario" and value:
            raise UsageError(
                f"{name} does not go with scenario, which says what each request is.", "Put it into scenario."
            )


def _weighted(text: str | Weighted, target: Target) -> Weighted:
    """Returns the visit that `3:GET /a` means: its weight, 1 if not given, and its one request."""
    if isinstance(text, Weighted):
        return text
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*:(.*)", text, re.DOTALL)
    weight, line = (float(found[1]), found[2]) if found else (1.0, text)
    if weight <= 0:
        raise UsageError(f"request={text}: its weight must be above 0.", "Such as: 3:GET /a")
    return Weighted(
        weight=weight, cookies=True, requests=(parse_request_line(line.strip(), target.protocol),)
    )


def _single(asked: Asked, target: Target) -> RequestPlan:
    body_file = file_of("body-file", asked.body_file)
    has_body = asked.body is not None or bool(body_file)
    examine_body("body", asked.body or "")
    if target.traits.method_and_path:
        method = asked.method or ("POST" if has_body else "GET")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", method):
            raise UsageError(f"method={method} is not a method.", "Such as GET, POST or DELETE.")
        return RequestPlan(
            method=method.upper(), path=target.path, body=asked.body or "", body_file=body_file
        )
    if asked.method is not None:
        raise UsageError(f"method={asked.method} does not go with {target.protocol}.", "It goes with HTTP.")
    return RequestPlan(path=target.path, body=asked.body or "", body_file=body_file)


def _with_shared(visit: Weighted, asked: Asked, target: Target) -> Weighted:
    """Returns the visit with the headers, checks and extracts that all requests share."""
    headers = tuple(_headers(asked.header))
    if headers and not target.traits.headers:
        raise UsageError(
            f"header={headers[0][0]} does not go with {target.protocol}.", "It goes with HTTP and WebSocket."
        )
    checks = tuple(load_words.parse_check(text) for text in asked.check)
    extracts = tuple(load_words.parse_extract(text) for text in asked.extract)
    requests = tuple(
        replace(
            one,
            headers=(*_without(headers, one.headers), *one.headers),
            body_file=file_of("body", one.body_file or None),
            checks=(*one.checks, *checks),
            extracts=(*one.extracts, *extracts),
        )
        for one in visit.requests
    )
    return replace(visit, requests=requests)


def _without(shared: Iterable[tuple[str, str]], own: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Returns the headers that all requests share, but those that a request has itself."""
    names = {name.lower() for name, _ in own}
    return (pair for pair in shared if pair[0].lower() not in names)


def _headers(given: Sequence[str] | dict[str, str]) -> Iterable[tuple[str, str]]:
    pairs = given.items() if isinstance(given, dict) else (tuple(text.partition(":")[::2]) for text in given)
    texts = (
        list(given) if not isinstance(given, dict) else [f"{name}: {value}" for name, value in given.items()]
    )
    for text, (name, value) in zip(texts, pairs, strict=True):
        if (
            ":" not in text
            or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip())
            or re.search(r"[\r\n\0]", value)
        ):
            shown = f"{name.split()[0]} ..." if is_secret(text) and name.strip() else hidden(text)
            raise UsageError(
                f"header={shown} must be NAME: VALUE, on one line.", "Such as -H 'Accept: text/html'"
            )
        yield name.strip(), value.strip()
