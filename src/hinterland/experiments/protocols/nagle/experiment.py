"""Sends small requests over one connection, in one write or two, and times each until its answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hinterland import Assumption, History, Outcome, Trial, matches, ratio_at_least
from hinterland.model.claims import Matches
from hinterland.model.experiment import Where
from hinterland.model.packets import PacketLog

SYSTEMS = Path(__file__).parent / "systems"
CLIENTS = {"python": "client.py", "node": "client.js"}
PORT = 7000
DURATION_S, PATIENCE_S = 0.4, 20
DELAYED_ACK_MS = 40  # Linux: TCP_DELACK_MIN, a 25th of a second.
AGREE_MS = 2
WARM = 2  # Exchanges before the receiver has settled into acknowledging late.
LARGEST_EMPTY_BYTES = 64  # IP and TCP headers with timestamps are 52 bytes, 60 in a SYN.

FAR: Where = {"rtt_ms": 10, "client": "python", "receiver": "delayed"}
TWO: Where = {"variant": "two_writes"}
ONE: Where = {"variant": "one_write"}
CURED: Where = {"variant": "no_delay"}


def one_round(variant: str) -> Matches:
    """An exchange takes the round trip and nothing else; with two plain writes it takes six times that."""
    return matches(
        metric="exchange_ms",
        oracle="one_round_ms",
        within=1.6,
        where={**FAR, "variant": variant},
        control=TWO,
    )


CLAIMS = {
    "two_writes_wait": ratio_at_least(
        metric="exchange_ms",
        ratio=20,
        more=TWO,
        less=ONE,
        where={"rtt_ms": 0, "client": "python", "receiver": "delayed"},
        control={"receiver": "quick"},
    ),
    "forty_and_two_rounds": matches(
        metric="exchange_ms", oracle="waiting_ms", within=1.6, where={**FAR, **TWO}, control=CURED
    ),
    "no_delay_cures": one_round("no_delay"),
    "cork_cures": one_round("corked"),
    "nagle_alone": matches(
        metric="exchange_ms",
        oracle="two_rounds_ms",
        within=1.6,
        where={**FAR, **TWO, "receiver": "quick"},
        control={"receiver": "delayed"},
    ),
    "not_the_library": matches(
        metric="exchange_ms",
        oracle="waiting_ms",
        within=1.6,
        where={**FAR, **TWO, "client": "node"},
        control=CURED,
    ),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    link = await t.rig.link(rtt_ms=t["rtt_ms"], packets=True)
    address = link.server.address
    await t.rig.start(
        [SYSTEMS / "server.py", address, PORT, t["receiver"]], name="server", host=link.server, port=PORT
    )
    t.phase("measure")
    client = await t.rig.start(
        [SYSTEMS / CLIENTS[t["client"]], address, PORT, t["variant"], DURATION_S],
        name="client",
        host=link.client,
    )
    if await client.wait(PATIENCE_S) != 0:
        raise client.failure("did not finish its exchanges.")
    t.phase("final")
    t.reading("exchanges_us", json.loads(client.log())["exchanges_us"])


def outcome(h: History) -> Outcome:
    took_ms = np.array(h.readings["exchanges_us"], float) / 1000
    rtt_ms = float(h.treatment["rtt_ms"])
    metrics = {"waiting_ms": DELAYED_ACK_MS + 2 * rtt_ms}
    if rtt_ms > 0:
        metrics |= {"one_round_ms": rtt_ms, "two_rounds_ms": 2 * rtt_ms}
    if computed(h.treatment) in metrics:
        metrics["computed_ms"] = metrics[computed(h.treatment)]
    if len(took_ms):
        metrics["first_ms"] = float(took_ms[0])
    if len(took_ms) > WARM:
        # A stall adds to some exchanges and shortens none, so the quicker ones show what the kernels do.
        metrics["exchange_ms"] = float(np.percentile(took_ms[WARM:], 25))
    if len(took_ms) and "link" in h.packets:
        metrics["packets_per_request"] = carrying(h.packets["link"], "client") / len(took_ms)
    enough = Assumption(
        id="enough_exchanges",
        says="at least four exchanges followed the first two",
        held=len(took_ms) >= WARM + 4,
        measured=f"{len(took_ms)} exchanges",
    )
    return Outcome(metrics=metrics, assumptions=(enough, quick_ones_agree(took_ms[WARM:])))


def quick_ones_agree(took_ms: NDArray[np.float64]) -> Assumption:
    """Decides whether the quicker quarter of the exchanges took alike, so that nothing held it up."""
    spread_ms = float(np.percentile(took_ms, 25) - took_ms.min()) if len(took_ms) > 1 else np.inf
    return Assumption(
        id="quick_ones_agree",
        says=f"the quicker quarter of the exchanges took the same to {AGREE_MS} ms",
        held=spread_ms < AGREE_MS,
        measured=f"{spread_ms:.2g} ms apart",
        timed=True,
    )


def computed(treatment: Where) -> str:
    """Returns the metric that says how long an exchange should take with these levels."""
    if treatment["variant"] != "two_writes":
        return "one_round_ms"
    return "waiting_ms" if treatment["receiver"] == "delayed" else "two_rounds_ms"


def carrying(log: PacketLog, host: str) -> int:
    """Returns how many packets with something in them left `host`."""
    own = log.source == log.hosts.index(host)
    return int((own & (log.size_bytes > LARGEST_EMPTY_BYTES)).sum())
