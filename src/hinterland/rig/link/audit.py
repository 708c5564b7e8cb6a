"""What a link measured of itself, and what of that makes a trial worthless."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, floor, log, log1p, sqrt
from statistics import NormalDist
from typing import Any

import msgspec
from msgspec import Struct

FATES = ("delivered", "lost", "queue", "scripted", "cut", "too_big")
"""As model.packets.FATES, without numpy."""

SHOWN = 0.99
IMPOSSIBLE = 1 - 1e-6
"""Real loss outside the range that holds with this chance voids a trial; 99 % would void one good trial of a
hundred."""

EXACT_VARIANCE = 200.0
BEHIND_SHARE = 0.2


class DirectionAudit(Struct, frozen=True):
    """One direction. dropped: how many met each fate; copies: duplicates made.

    asked_loss: the share that was asked for, over the packets that came so far, and real_loss what became of
    it, None before the first packet. lost_range: how many of `loss_tried` may be lost with a chance of
    99 %, exact for few independent losses, else by the normal distribution (bursts with their correlation
    and the length of one more).
    possible: whether `lost` lies where it must be, but for one time in a million.
    """

    packets: int
    bytes: int
    copies: int
    reordered: int
    dropped: dict[str, int]
    asked_loss: float
    real_loss: float | None
    loss_tried: int
    lost: int
    lost_range: tuple[int, int]
    possible: bool


class LinkAudit(Struct, frozen=True):
    """A link, since it opened.

    Lateness is from the moment at which a packet was due to the moment at which it was handed to the far
    kernel, None where no direction had a delay or a rate. since: from when on that is counted, and
    `scheduled`, how many packets it stands on: the link's `opening`, or when a trial began `measuring`.
    unintended: packets lost that nobody asked to lose, by cause. busiest: the largest share of a core in
    0.1 s. behind_share: the share of the time in which packets came faster than the forwarder took them; then
    the forwarder is the limit of what was measured, and `ceiling` says so. run_delay_us: how long it was
    ready to run but had no core.
    """

    packets: int
    bytes: int
    scheduled: int
    lateness_p50_us: float | None
    lateness_p99_us: float | None
    lateness_max_us: float | None
    unintended: dict[str, int]
    directions: dict[str, DirectionAudit]
    cpu_us_per_packet: float | None
    busiest: float
    behind_share: float
    run_delay_us: float
    ceiling: str = ""
    since: str = "opening"

    def record(self) -> dict[str, Any]:
        """Returns it as JSON values, for an event of the history."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def voids(self) -> tuple[str, ...]:
        """Returns why a trial over this link proves nothing; empty when it is sound."""
        # Here, because numpy comes with it, which is slow to load where nobody judges.
        from hinterland.checkers.assumptions import link_faults

        return tuple(link_faults(self.record()))


def audit_of(report: Mapping[str, Any], device_drops: Mapping[str, int] | None = None) -> LinkAudit:
    """Returns the audit of a forwarder's report and of what each host's device dropped by itself."""
    unintended = {f"the forwarder met {name}": count for name, count in report["errors"].items()}
    for host, count in (device_drops or {}).items():
        if count:
            unintended[f"the device of {host} was full"] = count
    packets = report["packets"]
    behind_share = report["behind_us"] / max(report["open_us"], 1)
    ceiling = ""
    if behind_share > BEHIND_SHARE:
        ceiling = (
            f"for {behind_share:.0%} of the time packets came faster than the forwarder took them "
            f"({report['cpu_us'] / max(packets, 1):.1f} us of CPU a packet): throughput is its own limit"
        )
    return LinkAudit(
        packets=packets,
        bytes=report["bytes"],
        scheduled=report["scheduled"],
        lateness_p50_us=report["lateness_p50_us"],
        lateness_p99_us=report["lateness_p99_us"],
        lateness_max_us=report["lateness_max_us"],
        unintended=unintended,
        directions={name: _direction(counters) for name, counters in report["directions"].items()},
        cpu_us_per_packet=report["cpu_us"] / packets if packets else None,
        busiest=report["busiest"],
        behind_share=behind_share,
        run_delay_us=report["run_delay_us"],
        ceiling=ceiling,
        since=report["since"],
    )


def _direction(counters: Mapping[str, Any]) -> DirectionAudit:
    losses = counters["losses"]
    tried = sum(each["tried"] for each in losses)
    lost = sum(each["lost"] for each in losses)
    expected = sum(each["share"] * each["tried"] for each in losses)
    low, high = loss_range(losses, SHOWN)
    least, most = loss_range(losses, IMPOSSIBLE)
    return DirectionAudit(
        packets=counters["packets"],
        bytes=counters["bytes"],
        copies=counters["copies"],
        reordered=counters["reordered"],
        dropped={fate: count for fate, count in zip(FATES, counters["dropped"], strict=True) if count},
        asked_loss=expected / tried if tried else (losses[-1]["share"] if losses else 0.0),
        real_loss=lost / tried if tried else None,
        loss_tried=tried,
        lost=lost,
        lost_range=(low, high),
        possible=least <= lost <= most,
    )


def loss_range(losses: list[dict[str, Any]], chance: float) -> tuple[int, int]:
    """Returns the fewest and the most packets lost with at least that chance, in all periods together."""
    met = [each for each in losses if each["tried"]]
    tried = sum(each["tried"] for each in met)
    expected = sum(each["share"] * each["tried"] for each in met)
    variance = sum(each["deviation"] ** 2 for each in met)
    longest = max((each["burst_packets"] for each in met), default=0.0)
    if not longest and variance < EXACT_VARIANCE:
        # Trials of unequal shares spread less than as many of their mean share (Hoeffding 1956).
        return binomial_range(tried, expected / tried if tried else 0.0, chance)
    wide = NormalDist().inv_cdf((1 + chance) / 2) * sqrt(variance)
    # Where bursts are few, their lengths decide, and those have an exponential tail.
    wide += longest * log(2 / (1 - chance))
    return max(0, floor(expected - wide)), min(tried, floor(expected + wide) + 1)


def binomial_range(tries: int, share: float, chance: float) -> tuple[int, int]:
    """Returns the narrowest range outside which each tail of the binomial is at most (1 - chance) / 2."""
    if share in (0.0, 1.0) or not tries:
        return round(tries * share), round(tries * share)
    tail = (1 - chance) / 2
    odds = share / (1 - share)
    low, high, below = -1, tries, 0.0
    log_mass = tries * log1p(-share)
    for count in range(tries + 1):
        below += exp(log_mass)
        if low < 0 and below > tail:
            low = count
        if below >= 1 - tail:
            high = count
            break
        log_mass += log((tries - count) / (count + 1) * odds) if count < tries else 0.0
    return max(low, 0), high
