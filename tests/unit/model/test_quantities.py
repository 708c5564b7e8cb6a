"""Quantities as people type them, right and wrong."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.model import quantities


@pytest.mark.parametrize(
    ("text", "meant_ms"),
    [("50ms", 50), ("0.2s", 200), ("50", 50), ("500us", 0.5), (" 1 s ", 1000), (".5s", 500)],
)
def test_times(text: str, meant_ms: float) -> None:
    assert quantities.milliseconds("rtt", text) == pytest.approx(meant_ms)


@pytest.mark.parametrize(
    ("text", "meant_mbit"),
    [
        ("10mbit", 10),
        ("500kbit", 0.5),
        ("1gbit", 1000),
        ("10", 10),
        ("10Mbit/s", 10),
        ("10mbps", 10),
        ("2 Gbps", 2000),
    ],
)
def test_rates(text: str, meant_mbit: float) -> None:
    assert quantities.megabits("rate", text) == pytest.approx(meant_mbit)


@pytest.mark.parametrize(("text", "meant"), [("2%", 0.02), ("0.02", 0.02), ("0", 0), ("100%", 1)])
def test_shares(text: str, meant: float) -> None:
    assert quantities.share("loss", text) == pytest.approx(meant)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("100ms", (100, None)), ("64kB", (None, 64_000)), ("64KiB", (None, 65_536)), ("1s", (1000, None))],
)
def test_queues(text: str, meant: tuple[float | None, int | None]) -> None:
    assert quantities.queue("queue", text) == meant


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (quantities.milliseconds, "fast", "rtt=fast must be a time"),
        (quantities.milliseconds, "-5ms", "rtt=-5ms must be a time"),
        (quantities.milliseconds, "5 parsecs", "must be a time"),
        (quantities.megabits, "10MB", "rtt=10MB must be a rate in bits"),
        (quantities.megabits, "10MBps", "rtt=10MBps must be a rate in bits"),
        (quantities.share, "2", "rtt=2 must be between 0 and 1"),
        (quantities.share, "200%", "must be between 0 and 1.\n  All of them is 100%"),
        (quantities.share, "some", "must be a share"),
        (quantities.queue, "a lot", "must be a length in time or bytes"),
    ],
)
def test_what_is_none_is_refused_with_the_next_step(read: object, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        read("rtt", text)  # type: ignore[operator]
    assert told.value.next_step


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_usage_error(text: str) -> None:
    for read in (quantities.milliseconds, quantities.megabits, quantities.share, quantities.queue):
        with contextlib.suppress(UsageError):
            assert read("it", text) is not None


@pytest.mark.parametrize(
    ("text", "meant_s"),
    [("1m30s", 90), ("1h2m3.5s", 3723.5), ("2s500ms", 2.5), ("1.5h", 5400), ("100\u03bcs", 1e-4),
     ("250ns", 2.5e-7), ("1m0s", 60)],
)  # fmt: skip
def test_times_as_tools_in_go_write_them(text: str, meant_s: float) -> None:
    assert quantities.seconds("duration", text) == pytest.approx(meant_s)


@pytest.mark.parametrize("text", ["1m30", "1m30m", "1m 30s", "m30s", "1m-30s", "1m30s!"])
def test_what_is_no_time_of_several_units_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"duration=.* must be a time"):
        quantities.seconds("duration", text)
