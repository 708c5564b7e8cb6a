"""A request of HTTP made ready: head and body as bytes for HTTP/1.1, their parts for HTTP/2 and HTTP/3."""

from __future__ import annotations

from hinterland.clients.message import Request
from hinterland.errors import UsageError
from hinterland.load.drivers.transport.tls import authority
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import RequestPlan, Target
from hinterland.load.requests import places
from hinterland.load.requests.parts import Body, Fits, Make, Resolve, slots_of
from hinterland.load.requests.template import Encoder, Slot, Template, Values, parse, renderer
from hinterland.model.secrecy import hidden

TARGET_BEGINS = ("/", "*", "http://", "https://")


def http_request(
    plan: RequestPlan, target: Target, resolve: Resolve, *, kind: int, reads: bool
) -> tuple[Make, bool]:
    """Returns what makes the request of a visit's values, and whether it is the same for all of them.

    A body that looks like JSON and names no Content-Type gets that of JSON. Raises UsageError.
    """
    body = Body(plan, resolve)
    given = {name.lower() for name, _ in plan.headers}
    added = [("Content-Type", body.kind)] if body.kind and "content-type" not in given else []
    path = _target(plan.path or target.path)
    headers = [(name, parse(value)) for name, value in (*plan.headers, *added)]
    path_slots = slots_of(path, resolve, "path", *_path_rules(path))
    header_slots = [
        slots_of(value, resolve, f"header {name}", fits=[places.fits_header] * len(value.names))
        for name, value in headers
    ]
    literals = _head(plan.method, path, headers, target, body)
    if target.traits.binary:
        make = _parts_maker(plan.method, path, path_slots, headers, header_slots, body, kind, reads)
    else:
        slots = [*path_slots, *(slot for each in header_slots for slot in each)]
        make = _wire_maker(plan, plan.path or target.path, literals, slots, body, kind, reads)
    return make, body.fixed is not None and not path_slots and not any(header_slots)


def _parts_maker(
    method: str,
    path: Template,
    path_slots: list[Slot],
    headers: list[tuple[str, Template]],
    header_slots: list[list[Slot]],
    body: Body,
    kind: int,
    reads: bool,
) -> Make:
    render_path = renderer(path.literals, path_slots)
    renders = [
        (name, renderer(value.literals, slots))
        for (name, value), slots in zip(headers, header_slots, strict=True)
    ]

    def make(values: Values) -> Outgoing:
        return Outgoing(
            b"",
            kind=kind,
            method=method,
            path=render_path(values),
            headers=tuple([(name, render(values)) for name, render in renders]),
            body=body.render(values),
            reads=reads,
        )

    return make


def _wire_maker(
    plan: RequestPlan, path: str, literals: list[str], slots: list[Slot], body: Body, kind: int, reads: bool
) -> Make:
    """Returns what makes the bytes. A literal more than the slots need stands behind the body's length."""
    method, headers, fixed, render_body = plan.method, plan.headers, body.fixed, body.render
    if len(literals) == len(slots) + 1:
        render = renderer(literals, slots)

        def make(values: Values) -> Outgoing:
            content = render_body(values) if fixed is None else fixed
            wire = render(values).encode("latin-1") + content
            return Outgoing(wire, kind=kind, method=method, path=path, headers=headers, reads=reads)

        return make
    front, back = renderer(literals[:-1], slots), literals[-1]

    def make_counted(values: Values) -> Outgoing:
        content = render_body(values)
        wire = f"{front(values)}{len(content)}{back}".encode("latin-1") + content
        return Outgoing(wire, kind=kind, method=method, path=path, headers=headers, reads=reads)

    return make_counted


def _head(
    method: str, path: Template, headers: list[tuple[str, Template]], target: Target, body: Body
) -> list[str]:
    """Returns the literals of a head around its values, and around the length of a body that has values.

    `Request.encode` writes it, with a mark where a value belongs: so a head with values obeys the same rules
    as one without. A length that the person gave is sent, right or wrong.
    """
    texts = (path, *(value for _, value in headers))
    mark = "~value"
    while any(mark in literal for text in texts for literal in text.literals):
        mark += "~"
    written = [(name, mark.join(value.literals)) for name, value in headers]
    given = {name.lower() for name, _ in headers}
    if "host" not in given:
        # In front: the path's values come first, then those of the headers in their order.
        written.insert(0, ("Host", authority(target)))
    is_framed = bool(given & {"content-length", "transfer-encoding"})
    if body.fixed is None and not is_framed:
        written.append(("Content-Length", mark))
    content = body.fixed or b""
    whole = Request(method, mark.join(path.literals), written, content).encode(target.host, target.port)
    return whole[: len(whole) - len(content)].decode("latin-1").split(mark)


def _target(text: str) -> Template:
    """Returns a request's path, taken apart. Raises UsageError for one that is no request target."""
    path = parse(text)
    if not _begins_with_value(path) and not text.startswith(TARGET_BEGINS):
        raise UsageError(f"path {hidden(text)!r} does not begin with /.", "Give one such as /items/{key}.")
    return path


def _begins_with_value(path: Template) -> bool:
    return bool(path.names) and not path.literals[0]


def _path_rules(path: Template) -> tuple[list[Encoder | None], list[Fits | None]]:
    """Returns what makes each value of a path fit, and what it must satisfy first."""
    encoders: list[Encoder | None] = [places.in_path] * len(path.names)
    fits: list[Fits | None] = [None] * len(path.names)
    if _begins_with_value(path):
        encoders[0], fits[0] = places.as_target, places.fits_target
    return encoders, fits
