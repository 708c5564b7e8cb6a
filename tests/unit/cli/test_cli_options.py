"""Times and counts as people write them."""

from __future__ import annotations

import pytest

from hinterland.cli.terminal.options import at_least_one, seconds
from hinterland.cli.terminal.output import duration
from hinterland.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("2m", 120),
        ("90", 90),
        ("1.5m", 90),
        ("0.5s", 0.5),
        (" 2 min", 120),
        ("1H", 3600),
        (".5s", 0.5),
    ],
)
def test_a_time(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "30 seconds", "-3s", "1m30s", "0", "0.0s", "1e3", "inf", "nan"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        seconds(text)

    assert raised.value.says.startswith(f"budget={text} must be")
    assert "30s" in raised.value.next_step


def test_a_count_is_at_least_one() -> None:
    assert at_least_one("blocks", 1) == 1
    assert at_least_one("blocks", None) is None
    with pytest.raises(UsageError, match="blocks=0 must be at least 1"):
        at_least_one("blocks", 0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.44, "0.4 s"), (12.4, "12 s"), (60, "1 min"), (125, "2 min 5 s"), (59.7, "1 min")]
)
def test_a_duration_in_words(value: float, text: str) -> None:
    assert duration(value) == text
