"""A handler that waits against one that does not: how a trial runs and what it comes to."""

from __future__ import annotations

from pathlib import Path

from hinterland.lab import History, HttpClient, Outcome, Planned, Response, Trial, percentile

SYSTEMS = Path(__file__).parent / "systems"
REQUESTS = 40


async def trial(t: Trial) -> None:
    """Starts one variant of the server and asks it REQUESTS times, two requests at once."""
    port = t.rig.free_port()
    wait_ms = t["wait_ms"] if t["variant"] == "waits" else 0
    await t.rig.start([SYSTEMS / "server.py", str(port), str(wait_ms)], name=t["variant"], port=port)
    client = HttpClient("127.0.0.1", port)

    async def ask(_: int) -> Response:
        return await client.request("GET", "/")

    t.phase("warm_up")
    await t.operations.all([Planned("warm_up", "/", ask, writes=False)] * 10, clients=2)
    t.phase("measure")
    await t.operations.all([Planned("get", "/", ask, writes=False)] * REQUESTS, clients=2)


def outcome(h: History) -> Outcome:
    """Returns the median latency of the measured requests; pure, so that a record can be judged again."""
    measured = [one for one in h.operations if one.kind == "get"]
    latencies_ms = [
        (one.done_ns - one.intended_ns) / 1e6 if one.outcome == "ok" else float("inf") for one in measured
    ]
    median = percentile(latencies_ms, 50)
    return Outcome(metrics={"latency_ms": median.estimate} if median else {})
