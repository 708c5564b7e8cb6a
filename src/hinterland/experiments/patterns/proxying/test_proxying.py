"""Recorded trials give the outcome they must; real proxies show what they open, keep and tell."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def one_after_the_other(times_us: list[float]) -> dict[str, Any]:
    """Returns a load of one client whose answers took so long."""
    done_us = list(accumulate(times_us))
    sent_us = [0, *done_us[:-1]]
    times = {"intended_us": sent_us, "sent_us": sent_us, "done_us": done_us}
    return {"loop": "closed", "start_us": 0, "end_us": done_us[-1], **times}


def test_only_the_last_address_of_a_header_is_the_proxy_s_word() -> None:
    kept = HERE.recorded.trial("passed_on_by_nginx")
    one = kept["operations"][0]
    told = one["result"]["body"]
    told["forwarded"] = f"10.1.2.3, {told['forwarded']}"
    assert not HERE.recorded.outcome(kept).findings, "what the client claims of itself stands before it"
    told["forwarded"] = f"{one['key']}, 10.1.2.3"
    [finding] = HERE.recorded.outcome(kept).findings
    assert finding.key == one["key"]


def test_an_upload_without_an_answer_is_no_evidence() -> None:
    kept = HERE.recorded.trial("passed_on_by_nginx")
    kept["readings"]["uploads_ms"].pop()
    assert [each.held for each in HERE.recorded.outcome(kept).assumptions] == [False]


def test_a_hop_is_measured_against_the_straight_way_of_the_same_trial() -> None:
    kept = HERE.recorded.trial("passed_on_by_nginx")
    quick = {"straight_0": [20.0, 20.0, 900.0], "entrance_0": [40.0, 40.0, 40.0]}
    slow_but_alike = {"straight_1": [200.0, 200.0], "entrance_1": [420.0, 420.0]}
    disturbed = {"straight_2": [20.0, 20.0], "entrance_2": [2000.0, 2000.0]}
    loads = {**quick, **slow_but_alike, **disturbed}
    kept["loads"] = {name: one_after_the_other(times_us) for name, times_us in loads.items()}
    metrics = HERE.recorded.outcome(kept).metrics
    assert metrics["times_as_long"] == pytest.approx(2.1)
    assert metrics["latency_ms"] == pytest.approx(0.42)


@pytest.mark.system
def test_proxies_open_keep_and_tell_what_they_must(one_block: OneBlock) -> None:
    trials = one_block(HERE, "service:caddy", "service:haproxy")
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - {"machine_quiet"}
        assert not broken, one.outcome.assumptions
    seen = {tuple(one.treatment.values()): one.outcome.metrics for one in trials}
    for variant in ("haproxy_http", "nginx"):
        assert seen[variant, 8, 20, 0]["connections"] <= 8
        assert seen[variant, 100, 20, 0]["connections"] > 40
    for variant in ("direct", "nginx_tcp"):
        assert seen[variant, 8, 20, 0]["connections"] == 100
    for variant in ("caddy_h2", "haproxy_h2"):
        assert seen[variant, 100, 20, 0]["connections"] <= 4
    strangers = {variant: metrics["strangers"] for (variant, *_), metrics in seen.items()}
    assert strangers == {**dict.fromkeys(strangers, 0), "nginx_tcp": 100}
    slow = {levels[0]: metrics["busy_ms"] for levels, metrics in seen.items() if levels[-1] == 300}
    assert slow.pop("nginx") < 100
    assert min(slow.values()) > 250
    assert seen["haproxy_http", 8, 0, 300]["times_as_long"] > 1.1
