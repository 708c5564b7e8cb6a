"""Which experiments a tour takes."""

from __future__ import annotations

import pytest

from hinterland import catalogue
from hinterland.cli.tour import named, one_of_each
from hinterland.errors import UsageError


def test_a_region_stands_for_its_experiments_in_the_order_of_the_map() -> None:
    found = named("protocols")
    assert [one.name for one in found][:3] == ["handshake", "connection_reuse", "head_of_line"]
    assert {one.region for one in found} == {"protocols"}


def test_an_id_or_a_unique_name_stands_for_one() -> None:
    assert [one.id for one in named("apis/idempotency")] == ["apis/idempotency"]
    assert [one.id for one in named("nagle")] == ["protocols/nagle"]


def test_anything_else_is_the_persons_mistake() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        named("nowhere")


def test_without_names_it_is_the_first_experiment_of_each_region() -> None:
    everything = list(catalogue.experiments())
    found = one_of_each(everything)
    regions = [one.region for one in found]
    assert regions == list(dict.fromkeys(one.region for one in everything)), "each once, in the map's order"
    assert found[0] is everything[0]
    for one in found:
        assert one is next(other for other in everything if other.region == one.region)
