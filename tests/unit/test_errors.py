"""Errors on their way to another process."""

from __future__ import annotations

import msgspec
import pytest

from hinterland.errors import (
    HinterlandError,
    InternalError,
    Packed,
    SetupError,
    SystemFailure,
    UsageError,
    packed,
    unpacked,
)


@pytest.mark.parametrize("kind", [UsageError, SetupError, SystemFailure, InternalError])
def test_an_error_comes_out_as_it_went_in(kind: type[HinterlandError]) -> None:
    sent = msgspec.json.encode(packed(kind("rate=0 is no rate.", "Give one.")))
    found = unpacked(msgspec.json.decode(sent, type=Packed))
    assert type(found) is kind
    assert (found.says, found.next_step, found.exit_status) == (
        "rate=0 is no rate.",
        "Give one.",
        kind.exit_status,
    )


def test_the_last_words_of_a_system_come_along() -> None:
    sent = msgspec.msgpack.encode(packed(SystemFailure("it died", log=("one", "two"))))
    found = unpacked(msgspec.msgpack.decode(sent, type=Packed))
    assert isinstance(found, SystemFailure)
    assert found.log == ("one", "two")


def test_what_is_none_of_ours_is_a_bug_of_whoever_sent_it() -> None:
    found = unpacked(packed(ValueError("no number")), "the link")
    assert isinstance(found, InternalError)
    assert found.says == "the link: no number (ValueError)."
