"""Links as people type them."""

from __future__ import annotations

import pytest

from hinterland.cli.link.shapes import described, direction
from hinterland.errors import UsageError
from hinterland.rig.link.pipe.shape import Burst, Shape

NOTHING = Shape()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("delay=20ms,loss=2%", Shape(delay_ms=20, loss=0.02)),
        ("rate=10mbit,queue=64kB", Shape(rate_mbit=10, queue_bytes=64_000)),
        ("rate=1gbit, queue=50ms, codel", Shape(rate_mbit=1000, queue_ms=50, discipline="codel")),
        ("drop=data:3,drop=syn:1", Shape(drop=("data:3", "syn:1"))),
        ("burst=1%/30%", Shape(burst=Burst(0.01, 0.3))),
        ("cut", Shape(cut=True)),
        ("", NOTHING),
    ],
)
def test_a_direction(text: str, meant: Shape) -> None:
    assert direction("up", text, NOTHING) == meant


def test_a_direction_changes_only_what_it_names() -> None:
    assert direction("up", "loss=1%", Shape(delay_ms=25)) == Shape(delay_ms=25, loss=0.01)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("speed=9", "up speed=9: there is no such word"),
        ("loss=2", "up loss=2 must be between 0 and 1"),
        ("queue=100ms", "without a rate"),
        ("drop=third", "must be KIND:NUMBER"),
        ("burst=1%", "up burst=1% must be two shares"),
        ("codel=1,rate=1mbit", "codel stands alone"),
        ("cut=yes", "cut stands alone"),
        ("jitter=5ms", "jitter_ms=5 must be at most delay_ms=0"),
        ("loss=1%,burst=1%/30%", "can't stand together"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        direction("up", text, NOTHING)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (NOTHING, "no delay"),
        (Shape(delay_ms=25, jitter_ms=2, loss=0.02), "25 ms ± 2, loss 2 %"),
        (Shape(rate_mbit=10), "no delay, 10 Mbit/s, queue 100 ms"),
        (Shape(rate_mbit=2500), "no delay, 2.5 Gbit/s, queue 100 ms"),
        (Shape(rate_mbit=0.5), "no delay, 500 kbit/s, queue 100 ms"),
        (
            Shape(rate_mbit=10, queue_bytes=64_000, discipline="codel"),
            "no delay, 10 Mbit/s, queue 64,000 bytes with CoDel",
        ),
        (Shape(drop=("data:3",), cut=True), "no delay, drops data:3, cut"),
    ],
)
def test_a_shape_in_words(shape: Shape, says: str) -> None:
    assert described(shape) == says
