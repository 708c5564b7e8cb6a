"""A mix of requests as a TOML file: visits with weights, each a request or a chain of them.

[[visit]]
weight = 3
[[visit.request]]
send = "GET /items"

[[visit]]
[[visit.request]]
name = "log in"
send = 'POST /login {"user": "{name}"}'
headers = { Content-Type = "application/json" }
check = ["status = 200"]
extract = ["token=json:token"]
[[visit.request]]
send = "GET /orders?token={token}"
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.options.rules import examine_body
from hinterland.load.plan import notation as load_words
from hinterland.load.plan.plan import RequestPlan, Weighted
from hinterland.load.plan.protocols import Protocol
from hinterland.load.plan.request_line import parse_request_line


class FileRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of the file. `send`: method, path and body, or the message, in a line.

    name: in the outputs; by default its method and path. body and body_file stand in place of a body in
    `send`; the file is sought beside this one. check and extract: as on the command line.
    """

    send: str
    name: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str = ""
    body_file: str = ""
    check: tuple[str, ...] = ()
    extract: tuple[str, ...] = ()


class FileVisit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A visit of the file: its requests in order, and how often it is chosen beside the others.

    cookies: whether it keeps its cookies, as a browser does.
    """

    request: tuple[FileRequest, ...]
    weight: float = 1.0
    cookies: bool = True


class RequestFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    visit: tuple[FileVisit, ...]


def read_requests(path: Path, protocol: Protocol) -> tuple[Weighted, ...]:
    """Returns the visits of a file. Raises UsageError with the file, the place and the rule."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"requests={path} can't be read: {error.strerror or error}.", "Give a TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not TOML: {error}.", "See docs/how-to/load.md for what stands in it."
        ) from error
    try:
        found = msgspec.convert(content, RequestFile)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}.", "See docs/how-to/load.md for what stands in it.") from error
    if not found.visit:
        raise UsageError(f"{path} has no [[visit]].", "Give at least one, with a [[visit.request]].")
    return tuple(_visit(one, number, path, protocol) for number, one in enumerate(found.visit, 1))


def _visit(visit: FileVisit, number: int, path: Path, protocol: Protocol) -> Weighted:
    where = f"{path}, visit {number}"
    if not visit.weight > 0:
        raise UsageError(f"{where}: weight={visit.weight:g} must be above 0.", "Or leave it out: it is 1.")
    if not visit.request:
        raise UsageError(f"{where} has no request.", "Give it a [[visit.request]].")
    return Weighted(
        weight=visit.weight,
        cookies=visit.cookies,
        requests=tuple(_request(one, where, path, protocol) for one in visit.request),
    )


def _request(one: FileRequest, where: str, path: Path, protocol: Protocol) -> RequestPlan:
    try:
        made = parse_request_line(one.send, protocol)
        checks = tuple(map(load_words.parse_check, one.check))
        extracts = tuple(map(load_words.parse_extract, one.extract))
        examine_body("body", one.body)
    except UsageError as error:
        raise UsageError(f"{where}: {error.says}", error.next_step) from error
    own_body = one.body or one.body_file
    if own_body and (made.body or made.body_file):
        raise UsageError(f"{where}: the body stands in send and beside it.", "Keep one of them.")
    if own_body and made.method == "GET" and not one.send.lstrip().startswith("GET"):
        made = replace(made, method="POST")
    file = one.body_file or made.body_file
    if file:
        file = str((path.parent / Path(file).expanduser()).absolute())
        if not Path(file).is_file():
            raise UsageError(f"{where}: {file} is not a file.", "It is sought beside the file that names it.")
    return replace(
        made,
        name=one.name,
        headers=tuple(one.headers.items()),
        body=one.body or made.body,
        body_file=file,
        checks=checks,
        extracts=extracts,
    )
