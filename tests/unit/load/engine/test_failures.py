"""Words of failures as codes: the same for the same words, and never too many of them."""

from __future__ import annotations

import pytest

from hinterland.load.engine import failures
from hinterland.load.engine.failures import FIRST, LONGEST, MOST_REASONS, OTHER, because, code_of, words_of
from hinterland.load.engine.recorder import ERROR_MASK, ERRORS, TIMEOUT


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_words", [])
    monkeypatch.setattr(failures, "_codes", {})
    monkeypatch.setattr(failures, "_reasons", {})


def test_the_same_words_are_the_same_code() -> None:
    assert code_of("SQLSTATE 23505") == code_of(" SQLSTATE\n 23505 ") == FIRST
    assert code_of("redis ERR") == FIRST + 1
    assert [words_of(code) for code in (0, TIMEOUT, FIRST, FIRST + 1)] == [
        "", "timeout", "SQLSTATE 23505", "redis ERR",
    ]  # fmt: skip


def test_words_of_a_server_that_never_repeats_itself_share_a_code() -> None:
    codes = [code_of(f"error {number}") for number in range(1000)]
    assert max(codes) == OTHER == ERROR_MASK
    assert len(set(codes)) == OTHER - FIRST + 1
    assert words_of(OTHER) == "other"
    assert len(words_of(code_of("x" * 1000))) <= LONGEST


def test_the_first_reasons_of_a_failure_are_kept_and_counted() -> None:
    assert code_of("SQLSTATE 42601", 'syntax error at or near "selec"') == FIRST
    for _ in range(2):
        assert code_of("SQLSTATE 42601", "syntax error at end of input") == FIRST
    assert because(TIMEOUT, "so", 3) == TIMEOUT
    assert because(TIMEOUT, "") == TIMEOUT
    assert failures.reasons() == {
        "SQLSTATE 42601": {'syntax error at or near "selec"': 1, "syntax error at end of input": 2},
        "timeout": {"so": 3},
    }
    for number in range(1000):
        code_of(f"error {number}", "so")
        because(TIMEOUT, f"reason {number}")
    assert len(failures.reasons()) <= OTHER
    assert len(failures.reasons()["timeout"]) == MOST_REASONS


def test_a_reason_has_no_signs_that_a_terminal_would_obey() -> None:
    because(TIMEOUT, "\x1b[31mred\r\n line")
    assert list(failures.reasons()["timeout"]) == ["[31mred line"]


def test_the_fixed_words_leave_room() -> None:
    assert len(ERRORS) <= FIRST
