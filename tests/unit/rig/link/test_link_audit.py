"""What a link says of itself, and what voids a trial."""

from __future__ import annotations

from math import sqrt
from random import Random
from typing import Any

import pytest
from scipy.stats import binom

from hinterland.rig.link.audit import audit_of, binomial_range, loss_range
from hinterland.rig.link.carrier.meter import BIN_SHIFT, Meter
from hinterland.rig.link.pipe.loss import BurstLoss
from hinterland.rig.link.pipe.shape import Burst


def period(
    tried: int, lost: int, share: float, *, burst_packets: float = 0, wider: float = 1
) -> dict[str, Any]:
    deviation = wider * sqrt(tried * share * (1 - share))
    return {
        "share": share,
        "tried": tried,
        "lost": lost,
        "deviation": deviation,
        "burst_packets": burst_packets,
    }


def direction(*losses: dict[str, Any], packets: int = 1000) -> dict[str, Any]:
    lost = sum(each["lost"] for each in losses)
    return {
        "packets": packets,
        "bytes": 100 * packets,
        "copies": 0,
        "reordered": 0,
        "dropped": [0, lost, 0, 0, 0, 0],
        "losses": list(losses),
    }


def report(**changes: Any) -> dict[str, Any]:
    return {
        "packets": 1000,
        "bytes": 100_000,
        "since": "opening",
        "scheduled": 1000,
        "lateness_p50_us": 20.0,
        "lateness_p99_us": 90.0,
        "lateness_max_us": 400.0,
        "errors": {},
        "open_us": 1_000_000.0,
        "cpu_us": 5000.0,
        "run_delay_us": 10.0,
        "behind_us": 0.0,
        "busiest": 0.1,
        "directions": {"client.up": direction(period(1000, 21, 0.02))},
    } | changes


@pytest.mark.parametrize(
    ("tries", "share"), [(1, 0.5), (50, 0.02), (1000, 0.02), (4000, 0.01), (300, 0.9), (7000, 0.999)]
)
@pytest.mark.parametrize("chance", [0.99, 1 - 1e-6])
def test_the_binomial_range_is_the_one_of_the_tables(tries: int, share: float, chance: float) -> None:
    low, high = binomial_range(tries, share, chance)

    tail = (1 - chance) / 2
    assert low == binom.ppf(tail, tries, share)
    assert high == pytest.approx(binom.ppf(1 - tail, tries, share), abs=0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_certain_loss_leaves_no_range(share: float) -> None:
    assert binomial_range(40, share, 0.99) == (40 * share, 40 * share)


def test_many_packets_and_mixed_periods_use_the_normal_distribution() -> None:
    low, high = loss_range([period(1_000_000, 0, 0.02)], 0.99)
    assert (low, high) == pytest.approx((binom.ppf(0.005, 1e6, 0.02), binom.ppf(0.995, 1e6, 0.02)), abs=3)

    low, high = loss_range([period(10_000, 0, 0.02), period(10_000, 0, 0.1), period(0, 0, 0.5)], 0.99)
    assert low < 1200 < high
    assert high - low == pytest.approx(2 * 2.576 * sqrt(196 + 900), abs=2)


def test_few_losses_of_mixed_periods_are_bounded_by_the_binomial_of_their_mean() -> None:
    assert loss_range([period(100, 0, 0.02), period(100, 0, 0.1)], 0.99) == binomial_range(200, 0.06, 0.99)


def test_bursts_are_allowed_more() -> None:
    low, high = loss_range([period(1000, 0, 0.1, burst_packets=4, wider=3)], 0.99)
    alone = loss_range([period(1000, 0, 0.1)], 0.99)

    assert high - low > 3 * (alone[1] - alone[0])


@pytest.mark.parametrize("burst", [Burst(0.001, 0.1), Burst(0.05, 0.3), Burst(0.3, 0.6, 0.5)])
def test_real_bursts_stay_within_what_is_possible(burst: Burst) -> None:
    random = Random("audit").random
    outside = 0
    for _ in range(300):
        loss = BurstLoss(burst, random)
        for _ in range(200):
            loss.takes()
        met = {
            "share": loss.share,
            "tried": loss.tried,
            "deviation": loss.deviation(),
            "burst_packets": loss.burst_packets,
        }
        low, high = loss_range([met], 0.99)
        outside += not low <= loss.lost <= high

    # At most 1 % is expected outside; 3 of 300, with 5 standard deviations.
    assert outside <= 3 + 5 * sqrt(3)


def test_nothing_tried_is_possible() -> None:
    found = audit_of(report(directions={"client.up": direction(period(0, 0, 0.3))})).directions["client.up"]

    assert found.possible
    assert (found.asked_loss, found.real_loss, found.lost_range) == (0.3, None, (0, 0))


def test_a_sound_link_is_not_voided() -> None:
    audit = audit_of(report(), {"client": 0, "server": 0})

    assert audit.voids() == ()
    assert audit.cpu_us_per_packet == 5
    assert audit.ceiling == ""
    up = audit.directions["client.up"]
    assert (up.asked_loss, up.real_loss, up.lost_range) == (0.02, 0.021, (10, 32))
    assert up.dropped == {"lost": 21}
    assert audit.record()["directions"]["client.up"]["lost"] == 21


@pytest.mark.parametrize(
    ("changes", "device", "says"),
    [
        ({"lateness_p99_us": 2500.0}, 0, "p99 lateness 2.5 ms, more than 2 ms"),
        ({"errors": {"OSError 105": 3}}, 0, "3 packets dropped unasked: the forwarder met OSError 105"),
        ({}, 7, "7 packets dropped unasked: the device of client was full"),
        (
            {"directions": {"client.up": direction(period(1000, 60, 0.02))}},
            0,
            "client.up lost 60 of 1,000 with 2.00% asked for",
        ),
        ({"directions": {"client.up": direction(period(1000, 0, 0.02))}}, 0, "client.up lost 0 of 1,000"),
    ],
)
def test_a_link_that_did_something_else_voids_the_trial(
    changes: dict[str, Any], device: int, says: str
) -> None:
    (found,) = audit_of(report(**changes), {"client": device}).voids()

    assert says in found


def test_a_link_without_delay_has_no_lateness_to_judge() -> None:
    nothing = dict.fromkeys(("lateness_p50_us", "lateness_p99_us", "lateness_max_us"))

    assert audit_of(report(**nothing, scheduled=0, packets=0)).voids() == ()


def test_a_saturated_forwarder_names_itself_as_the_ceiling() -> None:
    audit = audit_of(report(behind_us=400_000.0))

    assert audit.behind_share == 0.4
    assert "for 40% of the time packets came faster than the forwarder took them" in audit.ceiling


def test_lateness_is_never_told_smaller_than_it_was() -> None:
    meter = Meter()
    late_ns = [1000 * number for number in range(1, 1001)]
    for each in late_ns:
        meter.late(each)

    found = meter.report()

    bin_us = (1 << BIN_SHIFT) / 1000
    assert found["scheduled"] == 1000
    assert 500 <= found["lateness_p50_us"] <= 500 + bin_us
    assert 990 <= found["lateness_p99_us"] <= 990 + bin_us
    assert found["lateness_max_us"] == 1000


def test_lateness_beyond_the_bins_counts_as_the_latest() -> None:
    meter = Meter()
    meter.late(500_000_000)

    assert meter.report()["lateness_p50_us"] == 500_000


def test_a_meter_that_saw_nothing_says_so() -> None:
    found = Meter().report()

    assert (found["scheduled"], found["lateness_p50_us"], found["lateness_max_us"]) == (0, None, None)


def test_what_was_late_before_the_trial_measured_does_not_count() -> None:
    meter = Meter()
    for late_ns in (9_000_000, 1000, 1000):
        meter.late(late_ns)
    opened = audit_of(report(**meter.report()))
    meter.refused(OSError(105, "no buffer space"))
    meter.measure()
    meter.late(2000)
    measured = audit_of(report(**meter.report()))

    assert (opened.since, opened.scheduled, opened.lateness_max_us) == ("opening", 3, 9000)
    assert (measured.since, measured.scheduled, measured.lateness_max_us) == ("measuring", 1, 2)
    assert opened.voids() != ()
    assert measured.record()["since"] == "measuring"
    # What it dropped it dropped, whenever that was.
    assert measured.voids() == ("1 packets dropped unasked: the forwarder met OSError 105",)


def test_the_time_behind_is_between_passes_that_left_packets() -> None:
    meter = Meter()
    begin_ns = meter.opened_ns
    for at_ns, full in ((10, False), (30, True), (70, True), (100, False), (500, False)):
        meter.passed(begin_ns + at_ns * 1000, full)

    assert meter.report()["behind_us"] == 70
