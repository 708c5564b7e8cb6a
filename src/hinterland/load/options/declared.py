"""What may be asked of a load, each option with all that the command line says of it."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated

from hinterland.load.options.option import Option, options_of
from hinterland.load.options.rules import (
    above_zero,
    at_least_zero,
    file_of,
    known_scheduler,
    read_objectives,
)
from hinterland.load.plan import notation as words
from hinterland.load.plan.plan import Objective, Weighted
from hinterland.model.quantities import seconds


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What may be asked of a load, besides its URL. Rates are a second; None and empty mean: not asked.

    ramp: from and to. steps: (rate, duration_s) pairs. trace: a file, or offsets in s from the start.
    poisson: at random moments; also of a ramp and of steps. request: texts such as `3:GET /a`, or
    `Weighted`. check, extract, objectives: texts, such as `status = 200`, `id=json:items.0.id`, `p99 <
    50ms`. http: `1.1`, `2` or `3`.
    """

    rate: Annotated[
        float | None,
        Option(
            "arrivals", "So many a second: 500, 20k. 100 without any of these.", "RATE", read=words.parse_rate
        ),
    ] = None
    poisson: Annotated[bool, Option("arrivals", "At random moments, as independent users come.")] = False
    ramp: Annotated[
        tuple[float, float] | None,
        Option("arrivals", "Growing evenly: 100..2k.", "A..B", read=words.parse_ramp),
    ] = None
    steps: Annotated[
        Sequence[tuple[float, float]],
        Option("arrivals", "One after the other: 100x10s,200x10s.", "RATExTIME,..", read=words.parse_steps),
    ] = ()
    trace: Annotated[
        str | Path | Sequence[float] | None,
        Option("arrivals", "At the times in FILE: seconds from the start, one a line.", "FILE"),
    ] = None
    closed: Annotated[bool, Option("arrivals", "A closed loop: each connection waits for its answer.")] = (
        False
    )
    duration_s: Annotated[
        float | None,
        Option("arrivals", "For so long: 10s, 2m.  [10s]", "TIME", read=partial(seconds, "duration")),
    ] = None
    count: Annotated[int | None, Option("arrivals", "So many operations.", "N", kept="count")] = None
    warm_up_s: Annotated[
        float,
        Option(
            "arrivals",
            "Send so long before, and leave it out of the percentiles.",
            "TIME",
            read=partial(seconds, "warm-up"),
            kept="warm_up_s",
            keep=partial(at_least_zero, "warm-up"),
        ),
    ] = 0.0
    seed: Annotated[
        int | None, Option("arrivals", "Of random moments and data; in the record if not given.", "N")
    ] = None
    connections: Annotated[
        int | None,
        Option("connections", "At most so many at once.  [64]", "N", names=("--connections", "-c")),
    ] = None
    http: Annotated[str | None, Option("connections", "1.1, 2 or 3, with http and https.", "VERSION")] = None
    streams: Annotated[
        int | None, Option("connections", "Requests at once on a connection of HTTP/2 or HTTP/3.", "N")
    ] = None
    pipelining: Annotated[
        int | None, Option("connections", "Requests sent at once on one of HTTP/1.1, unanswered.", "N")
    ] = None
    new_connections: Annotated[
        bool, Option("connections", "One for each request of HTTP/1.1, each visit of others.")
    ] = False
    subscribe: Annotated[
        bool, Option("connections", "WebSocket: listen, and time each event from its sending.")
    ] = False
    timeout_s: Annotated[
        float,
        Option(
            "connections",
            "No answer after so long is an error.",
            "TIME",
            read=partial(seconds, "timeout"),
            kept="timeout_s",
            keep=partial(above_zero, "timeout"),
        ),
    ] = 10.0
    ca: Annotated[
        str | Path | None,
        Option(
            "connections",
            "Trust this certificate, or its issuer.",
            "FILE",
            kept="ca_file",
            keep=partial(file_of, "ca"),
        ),
    ] = None
    insecure: Annotated[
        bool, Option("connections", "Accept any certificate.", kept="verify_tls", keep=operator.not_)
    ] = False
    cert: Annotated[
        str | Path | None,
        Option(
            "connections",
            "Show this certificate to a server that wants one.",
            "FILE",
            kept="cert_file",
            keep=partial(file_of, "cert"),
        ),
    ] = None
    key: Annotated[
        str | Path | None,
        Option(
            "connections",
            "Its key, if it is not in the same file.",
            "FILE",
            kept="key_file",
            keep=partial(file_of, "key"),
        ),
    ] = None
    connect_to: Annotated[
        str | None, Option("connections", "Connect there; ask for the URL's host all the same.", "HOST:PORT")
    ] = None
    unix_socket: Annotated[
        str | Path | None, Option("connections", "Connect to this Unix socket.", "PATH")
    ] = None
    method: Annotated[
        str | None, Option("requests", "GET; POST where there is a body.", "NAME", names=("--method", "-X"))
    ] = None
    header: Annotated[
        Sequence[str] | dict[str, str],
        Option("requests", "May be given again.", "'NAME: VALUE'", names=("--header", "-H")),
    ] = ()
    body: Annotated[
        str | None, Option("requests", "Also: the message, the SQL statement, the Redis command.", "TEXT")
    ] = None
    body_file: Annotated[str | Path | None, Option("requests", "The body stands there.", "FILE")] = None
    request: Annotated[
        Sequence[str | Weighted],
        Option("requests", "One of a mix, with its weight; again for each.", "'3:GET /a'"),
    ] = ()
    requests: Annotated[str | Path | None, Option("requests", "A mix with chains, as TOML.", "FILE")] = None
    scenario: Annotated[
        str | Path | None,
        Option(
            "requests",
            "async def visit(client): what one user does.",
            "FILE.py",
            kept="scenario",
            keep=partial(file_of, "scenario"),
        ),
    ] = None
    data: Annotated[
        str | Path | None,
        Option("requests", "CSV or JSONL: a row a visit, as {column} in requests.", "FILE"),
    ] = None
    keys: Annotated[int | None, Option("requests", "{key} is a number from 1 to N.  [1000]", "N")] = None
    zipf: Annotated[
        float | None, Option("requests", "Few keys are popular: Zipf's exponent, such as 1.", "S")
    ] = None
    check: Annotated[
        Sequence[str],
        Option("requests", "A good answer has: 'status = 200', 'body contains ok'.", "CHECK"),
    ] = ()
    extract: Annotated[
        Sequence[str],
        Option(
            "requests",
            "For later requests: id=json:items.0.id, id=header:Location, sid=cookie:sid.",
            "NAME=FROM",
        ),
    ] = ()
    follow: Annotated[
        bool,
        Option("requests", "Follow redirects on this host; each step is an operation.", kept="follow"),
    ] = False
    objectives: Annotated[
        Sequence[str | Objective],
        Option(
            "judging",
            "Or exit with 1. Also: 'errors = 0'.",
            "'p99 < 50ms'",
            names=("--assert",),
            kept="objectives",
            keep=read_objectives,
        ),
    ] = ()
    processes: Annotated[
        int | None,
        Option(
            "generator",
            "As many as it needs, if not given.",
            "N",
            kept="processes",
            keep=lambda given: given or 0,
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        Option(
            "generator",
            "spin, timerfd or tick; chosen by itself if not given.",
            "NAME",
            kept="scheduler",
            keep=known_scheduler,
        ),
    ] = None
    sources: Annotated[
        int,
        Option(
            "generator", "So many source addresses of 127.0.0.0/8, for many connections.", "N", kept="sources"
        ),
    ] = 1


OPTIONS = options_of(Asked)
NAMES = tuple(field.name for field in fields(Asked))
