"""A load as it is asked for: what `hinterland load` sends where, on which schedule, and what must hold.

All plain values that JSON and MessagePack carry: a plan is written into its record, goes to every process of
the generator, and can be run again.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hinterland.load.plan.protocols import PROTOCOLS, Protocol, Traits

Scheduler = Literal["spin", "timerfd", "tick"]
Shape = Literal["constant", "poisson", "ramp", "steps", "trace"]


class Target(Struct, frozen=True, kw_only=True):
    """Where a load goes. `host` is as the person gave it; `addresses` are those that the name has, in order,
    and `address` is the one of them that gets the load.

    Connections go to `connect_host` and `connect_port` instead, or to `unix_socket`, where one is given; what
    is asked for, and whose certificate is looked for, stays `host`. `tls` says whether TLS is spoken; `path`
    is the request target of the URL, `/` where it has none. `user`, `password` and `database` are
    PostgreSQL's and Redis's.
    """

    url: str
    protocol: Protocol
    host: str
    port: int
    address: str = ""
    addresses: tuple[str, ...] = ()
    connect_host: str = ""
    connect_port: int = 0
    unix_socket: str = ""
    tls: bool = False
    path: str = "/"
    user: str = ""
    password: str = ""
    database: str = ""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"{self.protocol!r} is none of the protocols {', '.join(PROTOCOLS)}")

    @property
    def traits(self) -> Traits:
        """What sets its protocol apart."""
        return PROTOCOLS[self.protocol]

    @property
    def dialled(self) -> tuple[str, int]:
        """Where connections go: an address, or the path of a Unix socket, and the port there."""
        return self.address or self.connect_host or self.host, self.connect_port or self.port


class Arrivals(Struct, frozen=True, kw_only=True):
    """When visits are due, in an open loop. A visit is one request, or a chain of them.

    shape `constant`, `poisson`: `rate_per_s`. `ramp`: from `rate_per_s` to `to_per_s`, evenly growing.
    `steps`: (rate_per_s, duration_s) pairs. `trace`: `times_s`, offsets from the start, or the file that has
    them. `jittered` makes the arrivals of `ramp` and `steps` a Poisson process with that rate.
    """

    shape: Shape = "constant"
    rate_per_s: float = 0.0
    to_per_s: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()
    times_s: tuple[float, ...] = ()
    file: str = ""
    jittered: bool = False


class Check(Struct, frozen=True, kw_only=True):
    """What an answer must satisfy; one that does not is `failed`, and counts as no answer.

    of `status`, `header` (by `name`), `body`, `length` (bytes of the body) or `time` (ms from sending).
    `is`: the operator; `value` its right side, as text.
    """

    of: Literal["status", "header", "body", "length"]
    name: str = ""
    operator: Literal["=", "!=", "<", "<=", ">", ">=", "contains", "matches"] = "="
    value: str = ""


class Extract(Struct, frozen=True, kw_only=True):
    """A value that an answer gives to the requests after it in its chain, as `{name}`.

    `source` is where it stands: `json` (a path such as `items.0.id`), `header` (its name), `cookie` (the name
    of one that is set) or `pattern` (a regular expression over the body, whose first group it is).
    """

    name: str
    source: Literal["json", "header", "cookie", "pattern"]
    path: str


class RequestPlan(Struct, frozen=True, kw_only=True):
    """One request of a mix or a chain. `{...}` in path, headers and body are filled anew for each visit.

    `body_file` is read once. For WebSocket, TCP and UDP the message is `body`; for PostgreSQL the statement,
    for Redis the command's words with spaces between them. `headers` are (name, value) pairs.
    """

    name: str = ""
    method: str = "GET"
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    body_file: str = ""
    checks: tuple[Check, ...] = ()
    extracts: tuple[Extract, ...] = ()


class Weighted(Struct, frozen=True, kw_only=True):
    """A visit of the mix: its requests, one after the other, and how often it is chosen beside the others.

    cookies: whether it keeps those that answers set, and sends them with its later requests.
    """

    weight: float = 1.0
    cookies: bool = False
    requests: tuple[RequestPlan, ...] = (RequestPlan(),)


class Data(Struct, frozen=True, kw_only=True):
    """Where the values of `{...}` come from.

    `rows`: a CSV or JSONL file, whose columns are names, taken `in_turn` or at `random`. Built in, with no
    file: `{id}` (unique for each visit), `{uuid}`, `{random:A:B}` (a whole number), `{key}` (1 to `keys`,
    Zipf with exponent `zipf`; 0 is uniform), `{visit}` (0, 1, 2 ...), `{timestamp_ms}`.
    """

    rows: str = ""
    order: Literal["in_turn", "random"] = "in_turn"
    keys: int = 1000
    zipf: float = 0.0


class Objective(Struct, frozen=True, kw_only=True):
    """A condition on a finished load, such as `p99 < 20ms`, `errors = 0`, `rate >= 900`.

    metric: `pNN`, `pNN.N`, `max`, `mean`, `errors` (operations without a good answer), `error_share`, `rate`
    (good answers a second), `lateness_pNN`. Times are in s. `text` is what the person wrote.
    """

    metric: str
    operator: Literal["<", "<=", "=", ">=", ">"]
    value: float
    text: str = ""


class LoadPlan(Struct, frozen=True, kw_only=True):
    """One load, whole.

    model `open`: visits arrive on a schedule (`arrivals`), answered or not. `closed`: each of `connections`
    sends its next request when its last was answered. connections: the most that are open at once, over all
    processes (`multiplexed` times as many requests may be under way). `mode`: `keep_alive`, `new` (a
    connection for each request of HTTP/1.1, for each visit of others) or `pipelining` (HTTP/1.1:
    `multiplexed` requests written without waiting). warm_up_s: sent like the rest, shown, and left out of the
    percentiles. processes: 0 lets the engine choose. subscribe: a WebSocket or event-stream load that
    listens; an operation is an event, from the time written in it (`sent_ns` or `t_ns` of its JSON,
    CLOCK_MONOTONIC; else CLOCK_REALTIME ms as `ts`) to its receipt. follow: whether a visit goes on where a
    redirect leads, on the same host. cert_file, key_file: the client's certificate and its key, in PEM; the
    key may stand beside the certificate. sources: how many source addresses of 127.0.0.0/8 the connections
    are spread over.
    """

    target: Target
    model: Literal["open", "closed"] = "open"
    arrivals: Arrivals = Arrivals()
    connections: int = 64
    multiplexed: int = 1
    mode: Literal["keep_alive", "new", "pipelining"] = "keep_alive"
    duration_s: float = 10.0
    count: int | None = None
    warm_up_s: float = 0.0
    timeout_s: float = 10.0
    drain_s: float | None = None
    scheduler: Scheduler | None = None
    processes: int = 0
    sources: int = 1
    mix: tuple[Weighted, ...] = (Weighted(),)
    data: Data = Data()
    scenario: str = ""
    subscribe: bool = False
    follow: bool = False
    verify_tls: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    seed: int = 0
    objectives: tuple[Objective, ...] = ()
