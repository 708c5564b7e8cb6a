"""Which experiments a tour takes."""

from __future__ import annotations

import pytest

from hinterland.cli.tour import named
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
