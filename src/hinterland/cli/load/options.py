"""The options of `hinterland load`, in the groups in which its help shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from hinterland.cli.terminal.options import known_runs

ARRIVALS = Group("Arrivals: an open loop, unless --closed", sort_key=1)
CONNECTIONS = Group("Connections", sort_key=2)
REQUESTS = Group("Requests", sort_key=3)
JUDGING = Group("Judging", sort_key=4)
OUTPUT = Group("Output", sort_key=5)
GENERATOR = Group("The generator itself", sort_key=6)


@dataclass(frozen=True)
class ArrivalOptions:
    """When operations are due."""

    rate: Annotated[
        str | None, Parameter(metavar="RATE", help="So many a second: 500, 20k. 100 without any of these.")
    ] = None
    poisson: Annotated[bool, Parameter(negative=(), help="At random moments, as independent users come.")] = (
        False
    )
    ramp: Annotated[str | None, Parameter(metavar="A..B", help="Growing evenly: 100..2k.")] = None
    steps: Annotated[
        str | None, Parameter(metavar="RATExTIME,..", help="One after the other: 100x10s,200x10s.")
    ] = None
    trace: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="At the times in FILE: seconds from the start, one a line."),
    ] = None
    closed: Annotated[
        bool, Parameter(negative=(), help="A closed loop: each connection waits for its answer.")
    ] = False
    duration: Annotated[str | None, Parameter(metavar="TIME", help="For so long: 10s, 2m.  [10s]")] = None
    count: Annotated[int | None, Parameter(metavar="N", help="So many operations.")] = None
    warm_up: Annotated[
        str, Parameter(metavar="TIME", help="Send so long before, and leave it out of the percentiles.")
    ] = "0s"
    seed: Annotated[
        int | None, Parameter(metavar="N", help="Of random moments and data; in the record if not given.")
    ] = None


@dataclass(frozen=True)
class ConnectionOptions:
    """What the requests travel on."""

    connections: Annotated[
        int | None,
        Parameter(name=("--connections", "-c"), metavar="N", help="At most so many at once.  [64]"),
    ] = None
    http: Annotated[str | None, Parameter(metavar="VERSION", help="1.1, 2 or 3, with http and https.")] = None
    streams: Annotated[
        int | None, Parameter(metavar="N", help="Requests at once on a connection of HTTP/2 or HTTP/3.")
    ] = None
    pipelining: Annotated[
        int | None, Parameter(metavar="N", help="Requests sent at once on one of HTTP/1.1, unanswered.")
    ] = None
    new_connections: Annotated[
        bool, Parameter(negative=(), help="One for each request of HTTP/1.1, each visit of others.")
    ] = False
    subscribe: Annotated[
        bool, Parameter(negative=(), help="WebSocket: listen, and time each event from its sending.")
    ] = False
    timeout: Annotated[str, Parameter(metavar="TIME", help="No answer after so long is an error.")] = "10s"
    ca: Annotated[Path | None, Parameter(metavar="FILE", help="Trust this certificate, or its issuer.")] = (
        None
    )
    insecure: Annotated[bool, Parameter(negative=(), help="Accept any certificate.")] = False
    cert: Annotated[
        Path | None, Parameter(metavar="FILE", help="Show this certificate to a server that wants one.")
    ] = None
    key: Annotated[Path | None, Parameter(metavar="FILE", help="Its key, if it is not in the same file.")] = (
        None
    )
    connect_to: Annotated[
        str | None, Parameter(metavar="HOST:PORT", help="Connect there; ask for the URL's host all the same.")
    ] = None
    unix_socket: Annotated[Path | None, Parameter(metavar="PATH", help="Connect to this Unix socket.")] = None


@dataclass(frozen=True)
class RequestOptions:
    """What is sent, and which answers are good."""

    method: Annotated[
        str | None,
        Parameter(name=("--method", "-X"), metavar="NAME", help="GET; POST where there is a body."),
    ] = None
    header: Annotated[
        tuple[str, ...],
        Parameter(name=("--header", "-H"), metavar="'NAME: VALUE'", negative=(), help="May be given again."),
    ] = ()
    body: Annotated[
        str | None, Parameter(metavar="TEXT", help="Also: the message, the SQL statement, the Redis command.")
    ] = None
    body_file: Annotated[Path | None, Parameter(metavar="FILE", help="The body stands there.")] = None
    request: Annotated[
        tuple[str, ...],
        Parameter(metavar="'3:GET /a'", negative=(), help="One of a mix, with its weight; again for each."),
    ] = ()
    requests: Annotated[Path | None, Parameter(metavar="FILE", help="A mix with chains, as TOML.")] = None
    scenario: Annotated[
        Path | None, Parameter(metavar="FILE.py", help="async def visit(client): what one user does.")
    ] = None
    curl: Annotated[
        str | None, Parameter(metavar="'curl ...'", help="What this curl command sends, in place of a URL.")
    ] = None
    har: Annotated[
        Path | None, Parameter(metavar="FILE", help="The requests that a browser saved, as one visit.")
    ] = None
    data: Annotated[
        Path | None, Parameter(metavar="FILE", help="CSV or JSONL: a row a visit, as {column} in requests.")
    ] = None
    keys: Annotated[int | None, Parameter(metavar="N", help="{key} is a number from 1 to N.  [1000]")] = None
    zipf: Annotated[
        float | None, Parameter(metavar="S", help="Few keys are popular: Zipf's exponent, such as 1.")
    ] = None
    check: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="CHECK", negative=(), help="A good answer has: 'status = 200', 'body contains ok'."
        ),
    ] = ()
    extract: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="NAME=FROM",
            negative=(),
            help="For later requests: id=json:items.0.id, id=header:Location, sid=cookie:sid.",
        ),
    ] = ()
    follow: Annotated[
        bool, Parameter(negative=(), help="Follow redirects on this host; each step is an operation.")
    ] = False


@dataclass(frozen=True)
class JudgingOptions:
    """What must hold."""

    assertion: Annotated[
        tuple[str, ...],
        Parameter(
            name="--assert", metavar="'p99 < 50ms'", negative=(), help="Or exit with 1. Also: 'errors = 0'."
        ),
    ] = ()
    find_capacity: Annotated[
        str | None, Parameter(metavar="'p99 < 20ms'", help="Search the highest rate at which it holds.")
    ] = None
    vs: Annotated[
        str | None,
        Parameter(metavar="RUN", help="Compare with an earlier load: its id, or last.", completer=known_runs),
    ] = None


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


@dataclass(frozen=True)
class GeneratorOptions:
    """How the generator works."""

    processes: Annotated[int | None, Parameter(metavar="N", help="As many as it needs, if not given.")] = None
    scheduler: Annotated[
        str | None, Parameter(metavar="NAME", help="spin, timerfd or tick; chosen by itself if not given.")
    ] = None
    sources: Annotated[
        int, Parameter(metavar="N", help="So many source addresses of 127.0.0.0/8, for many connections.")
    ] = 1
