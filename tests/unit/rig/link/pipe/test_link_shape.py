"""What a shape accepts, what it refuses and how it says so."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hinterland.errors import UsageError
from hinterland.rig.link.pipe.shape import Burst, Shape, parse_drops, shape_from


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"loss": 1.2}, "loss=1.2 must be between 0 and 1"),
        ({"loss": math.nan}, "loss=nan must be"),
        ({"delay_ms": -5}, "delay_ms=-5 must be between 0"),
        ({"delay_ms": "50ms"}, "delay_ms='50ms' must be a number"),
        ({"delay_ms": True}, "delay_ms=True must be a number"),
        ({"rate_mbit": 0}, "rate_mbit=0 must be between"),
        ({"rate_mbit": math.inf}, "rate_mbit=inf must be between"),
        ({"rate_mbit": -1}, "rate_mbit=-1 must be between"),
        ({"duplicate": -0.1}, "duplicate=-0.1"),
        ({"mtu": 20}, "mtu=20 must be between 68"),
        ({"jitter_ms": 5}, "jitter_ms=5 must be at most delay_ms=0"),
        ({"delay_ms": 4, "jitter_ms": 5}, "jitter_ms=5 must be at most delay_ms=4"),
        ({"loss": 0.1, "burst": Burst(0.1, 0.5)}, "loss=0.1 and burst"),
        ({"rate_mbit": 1, "trace": "a"}, "rate_mbit=1 and trace='a'"),
        ({"rate_mbit": 1, "queue_ms": 1, "queue_bytes": 1}, "queue_bytes=1 and queue_ms=1"),
        ({"queue_ms": 100}, "queue_ms=100 without a rate"),
        ({"discipline": "codel"}, "discipline='codel' without a rate"),
        ({"rate_mbit": 1, "discipline": "red"}, "discipline='red' must be one of droptail, codel"),
        ({"drop": ("data:0",)}, "drop='data:0' must be KIND:NUMBER"),
        ({"drop": ("third",)}, "drop='third' must be"),
        ({"drop": ("fin:1",)}, "drop='fin:1' must be"),
        ({"drop": "data:3"}, "drop='data:3' must be a tuple"),
    ],
)
def test_a_bad_value_is_named_with_its_rule_and_the_next_step(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Shape(**fields)

    assert says in caught.value.says
    assert caught.value.next_step


def test_a_chain_that_never_moves_is_refused() -> None:
    with pytest.raises(UsageError, match="to_bad=0 and to_good=0"):
        Burst(0, 0)


def test_only_the_empty_shape_changes_nothing() -> None:
    assert Shape().identity
    assert not Shape(cut=True).identity
    assert not Shape(delay_ms=0.001).identity


@pytest.mark.parametrize(
    ("shape", "limit_bytes"),
    [
        (Shape(rate_mbit=10), 125_000),
        (Shape(rate_mbit=0.1), 15_000),
        (Shape(rate_mbit=8, queue_ms=50), 50_000),
        (Shape(rate_mbit=8, queue_bytes=7), 7),
    ],
)
def test_the_queue_is_as_asked_else_a_tenth_of_a_second_and_ten_packets(
    shape: Shape, limit_bytes: int
) -> None:
    assert shape.queue_limit_bytes(shape.rate_mbit or 0) == limit_bytes


def test_a_packet_is_held_back_for_a_quarter_of_the_delay() -> None:
    assert Shape(delay_ms=100).held_back_ms == 25
    assert Shape().held_back_ms == 1
    assert Shape(delay_ms=100, reorder_ms=3).held_back_ms == 3


def test_decoded_fields_become_a_shape() -> None:
    assert shape_from({"loss": 0.5, "drop": ["syn:1"]}) == Shape(loss=0.5, drop=("syn:1",))
    assert shape_from({"burst": {"to_bad": 0.1, "to_good": 0.5}}) == Shape(burst=Burst(0.1, 0.5))


@pytest.mark.parametrize("fields", [{"los": 0.5}, {"loss": "much"}, {"loss": 2}])
def test_decoded_fields_are_checked(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        shape_from(fields)


def test_scripted_drops_are_gathered_by_kind() -> None:
    found = parse_drops(("data:3", "syn:1", "data:5"))
    assert found == {"data": frozenset({3, 5}), "syn": frozenset({1})}
