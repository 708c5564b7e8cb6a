"""Schemes move no more keys than they must, or as many as they are known for, and real nodes agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
SCHEMES = HERE.module("placement").SCHEMES
KEYS = [f"key-{number}" for number in range(2_000)]


@pytest.mark.parametrize("name", HERE.recorded.names)
def test_a_recorded_trial_has_its_outcome(name: str) -> None:
    assert not HERE.recorded.differences(name)


def test_a_trial_in_which_nobody_died_or_a_key_was_not_kept_is_no_evidence() -> None:
    kept = HERE.recorded.trial("jump_middle_leaves")
    kept["events"] = []
    assert HERE.recorded.broken(kept) == ["left"]
    kept = HERE.recorded.trial("modulo_joins")
    kept["readings"]["cluster"]["keys_of_nodes"][0] -= 1
    assert HERE.recorded.broken(kept) == ["everything"]


def moved(scheme: str, before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    one, other = SCHEMES[scheme](before), SCHEMES[scheme](after)
    return [(one(key), other(key)) for key in KEYS if one(key) != other(key)]


NODES = st.lists(st.text("abcdef", min_size=1), min_size=2, max_size=8, unique=True)
CONSISTENT = ("ring_1", "ring_100", "jump", "rendezvous")


@given(st.sampled_from(sorted(SCHEMES)), NODES)
def test_every_client_comes_to_the_same_node_which_is_one_of_them(scheme: str, nodes: list[str]) -> None:
    one, other = SCHEMES[scheme](nodes), SCHEMES[scheme](list(nodes))
    assert all(one(key) == other(key) in nodes for key in KEYS[:50])


@given(st.sampled_from(CONSISTENT), NODES)
def test_a_newcomer_only_takes(scheme: str, nodes: list[str]) -> None:
    newcomer = "newcomer"
    assert {there for _, there in moved(scheme, nodes, [*nodes, newcomer])} <= {newcomer}


@given(st.sampled_from(("ring_1", "ring_100", "rendezvous")), NODES, st.data())
def test_who_dies_takes_only_what_was_its_own(scheme: str, nodes: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(nodes))
    assert {here for here, _ in moved(scheme, nodes, [node for node in nodes if node != gone])} <= {gone}


def test_the_order_of_the_list_matters_to_some() -> None:
    nodes = [f"node-{number}" for number in range(5)]
    for scheme, indifferent in (("ring_100", True), ("rendezvous", True), ("jump", False), ("modulo", False)):
        assert (not moved(scheme, nodes, nodes[::-1])) is indifferent, scheme


def test_how_many_move_from_five_to_six() -> None:
    nodes = [f"node-{number}" for number in range(6)]
    shares = {scheme: len(moved(scheme, nodes[:5], nodes)) / len(KEYS) for scheme in SCHEMES}
    assert shares["modulo"] == pytest.approx(5 / 6, abs=0.03)
    for scheme in ("jump", "rendezvous"):
        assert shares[scheme] == pytest.approx(1 / 6, abs=0.03)


def test_points_make_a_ring_even_by_their_square_root() -> None:
    def spread(scheme: str) -> float:
        """How far the shares of ten nodes are from each other, over their mean, in many rings."""
        found = []
        for ring in range(30):
            place = SCHEMES[scheme]([f"{ring}-{number}" for number in range(10)])
            counts = Counter(place(key) for key in KEYS)
            mean = len(KEYS) / 10
            found.append(sum((counts[f"{ring}-{n}"] - mean) ** 2 for n in range(10)) / 10 / mean**2)
        return math.sqrt(sum(found) / len(found))

    assert spread("ring_1") == pytest.approx(0.95, rel=0.2)
    assert 0.06 < spread("ring_100") < 0.18  # 0.1 of the arcs, and some of 2,000 keys alone.


@pytest.mark.system
def test_real_nodes_lose_what_the_schemes_say(one_block: OneBlock) -> None:
    trials = one_block(HERE, scheme=("modulo", "jump", "rendezvous"), nodes=(5,))
    found = {
        (one.treatment["scheme"], one.treatment["event"]): one.outcome.metrics["missed_share"]
        for one in trials
    }
    assert found["modulo", "joins"] == pytest.approx(5 / 6, abs=0.05)
    assert found["rendezvous", "joins"] == pytest.approx(1 / 6, abs=0.05)
    assert found["rendezvous", "middle_leaves"] == pytest.approx(1 / 5, abs=0.05)
    assert found["jump", "middle_leaves"] > 0.4
    assert found["jump", "last_leaves"] == pytest.approx(1 / 5, abs=0.05)
