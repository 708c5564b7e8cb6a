"""The paths: every stop is a place of the map, and what is walked is counted."""

from __future__ import annotations

import pytest

from hinterland import catalogue
from hinterland.web.content import atlas, paths

STOPS = [
    (name, identity)
    for name, path in paths.declared().items()
    for phase in path["phase"]
    for identity, _ in phase["stops"]
]
SURVEYED = {one.id for one in catalogue.experiments()}


@pytest.mark.parametrize(("name", "identity"), STOPS)
def test_every_stop_is_a_place(name: str, identity: str) -> None:
    assert identity in atlas.drawn()["places"]
    assert [each for path, each in STOPS if path == name].count(identity) == 1


def test_the_fundamentals_go_through_most_of_what_is_surveyed() -> None:
    mine = {identity for name, identity in STOPS if name == "fundamentals"}
    assert len(mine & SURVEYED) >= 15
    assert {identity for _, identity in STOPS} >= SURVEYED - {
        "patterns/request_response_pubsub",
        "protocols/udp_tcp_quic",
    }


def test_what_is_walked_is_counted_and_the_next_stop_is_one_that_waits() -> None:
    states = dict.fromkeys(SURVEYED, "waiting") | {"protocols/handshake": "holds"}
    [fundamentals, *_] = paths.walked(states, {"protocols/nagle": "Politeness"})
    assert fundamentals["done"] == 1
    assert fundamentals["next"] == "protocols/connection_reuse"
    stops = {stop["id"]: stop for phase in fundamentals["phases"] for stop in phase["stops"]}
    assert stops["protocols/nagle"]["title"] == "Politeness"
    assert stops["storage/index"]["state"] == "planned"
