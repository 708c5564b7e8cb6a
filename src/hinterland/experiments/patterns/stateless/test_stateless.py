"""Recorded trials give the outcome they must; sessions are lost just where a server alone has them."""

from __future__ import annotations

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_a_cart_that_is_empty_is_a_session_lost() -> None:
    kept = HERE.recorded.trial("shared_after_a_restart")
    shown = next(one for one in kept["operations"] if one["kind"] == "show")
    shown["result"]["body"]["cart"] = []
    [finding] = HERE.recorded.outcome(kept).findings
    assert (finding.kind, finding.key) == ("session_lost", shown["key"])


def test_a_session_that_was_lost_can_t_come_back() -> None:
    outcome = HERE.recorded.outcome(HERE.recorded.trial("in_memory_after_a_restart"))
    assert outcome.tries["came_back"] < outcome.tries["session_lost"]


def test_a_visitor_who_was_not_answered_is_no_evidence() -> None:
    kept = HERE.recorded.trial("shared_after_a_restart")
    one = next(one for one in kept["operations"] if one["kind"] == "logout")
    one.update(outcome="unknown", error="timeout", result=None)
    [everybody] = HERE.recorded.outcome(kept).assumptions
    assert not everybody.held
    assert "1 requests without an answer" in everybody.measured


def test_a_token_is_believed_by_who_knows_the_secret_and_by_nobody_else() -> None:
    app = HERE.module("app")
    here, there, elsewhere = app.Token("a secret"), app.Token("a secret"), app.Token("another")
    cookie = here.new({"who": "ada", "cart": ["tea"]})
    assert there.find(cookie) == {"who": "ada", "cart": ["tea"]}
    assert elsewhere.find(cookie) is None
    text, _, signature = cookie.rpartition(".")
    forged = here.new({"who": "eve", "cart": []}).rpartition(".")[0]
    assert here.find(f"{forged}.{signature}") is None
    assert here.find(text) is None
    assert here.find("") is None


@pytest.mark.system
def test_sessions_are_lost_just_where_a_server_alone_has_them(one_block: OneBlock) -> None:
    trials = one_block(HERE, "service:haproxy")
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - {"machine_quiet"}
        assert not broken, one.outcome.assumptions
    seen = {(one.treatment["variant"], one.treatment["event"]): one.outcome.metrics for one in trials}
    for variant in ("shared_session", "token"):
        assert seen[variant, "restart"]["lost"] == seen[variant, "scale_out"]["lost"] == 0
    assert seen["sticky_hash", "none"]["lost"] == seen["sticky_cookie", "scale_out"]["lost"] == 0
    assert seen["haproxy_cookie", "scale_out"]["lost"] == 0
    assert seen["memory", "none"]["lost"] > 70
    assert seen["sticky_hash", "scale_out"]["lost"] > 50
    for variant in ("sticky_hash", "sticky_cookie"):
        restarted = seen[variant, "restart"]
        assert restarted["lost"] == restarted["held_by_one"] > 0
    back = {variant: metrics["came_back"] for (variant, _), metrics in seen.items() if "came_back" in metrics}
    assert back == {**dict.fromkeys(back, 0), "token": 100}
