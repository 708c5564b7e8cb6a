"""The form of a run's levels: what it offers, what it shows again, what it refuses."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland import catalogue
from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment, show
from hinterland.rig.machine.availability import Absent, Availability
from hinterland.rig.machine.needs import NeedStatus
from hinterland.web.content import settings

HERE = Availability("all")
HANDSHAKE = catalogue.find("protocols/handshake")
NAGLE = catalogue.find("protocols/nagle")


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_a_form_that_is_sent_as_it_stands_asks_for_nothing_else(experiment: Experiment) -> None:
    pairs = [
        (f"set-{field.name}", box.value)
        for field in settings.fields(experiment, HERE, {})
        for box in field.boxes
        if box.checked
    ]
    pairs += [(f"set-{field.name}", "") for field in settings.fields(experiment, HERE, {})]
    assert settings.read(experiment, settings.asked(pairs)) == ()


def test_what_was_asked_is_filled_in_and_what_has_no_box_stands_as_it_was_written() -> None:
    wanted = settings.asked([("set-rtt_ms", "50.0"), ("set-rtt_ms", "20, 9999,abc"), ("other", "1")])
    assert wanted == {"rtt_ms": ["50.0", "20", "9999", "abc"]}
    field = next(each for each in settings.fields(HANDSHAKE, HERE, wanted) if each.name == "rtt_ms")
    assert [(box.value, box.checked) for box in field.boxes] == [("50", True), ("0", False)]
    assert field.written == "20, 9999, abc"
    assert field.between == "between 0 and 300"
    assert field.problem == "rtt_ms=9999 must be between 0 and 300."


def test_a_level_that_can_t_run_here_says_what_it_needs() -> None:
    need = NeedStatus(need="service:caddy", available=False, install="apt install caddy")
    found = Availability("some", absent=(Absent("server", "caddy", (need,)),))
    field = next(each for each in settings.fields(HANDSHAKE, found, {}) if each.name == "server")
    assert {box.value: box.lacks for box in field.boxes}["caddy"] == "apt install caddy"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"rtt_ms": ["9999"]}, "must be between"),
        ({"rtt_ms": ["nan"]}, "must be between"),
        ({"rtt_ms": ["1e999"]}, "must be between"),
        ({"nothing": ["1"]}, "is not a factor"),
        ({"rtt_ms": [str(number) for number in range(1, 100)]}, "treatments, which take about"),
    ],
)
def test_what_can_t_be_asked_for_is_refused_in_words(wanted: dict[str, list[str]], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        settings.read(NAGLE, wanted)


def test_what_is_asked_goes_on_as_the_command_line_has_it() -> None:
    assert settings.read(NAGLE, {"rtt_ms": ["20", "10"]}) == ("rtt_ms=20,10",)
    usual = [show(level) for level in NAGLE.factor["rtt_ms"].levels]
    assert settings.read(NAGLE, {"rtt_ms": usual[::-1]}) == ()


@given(
    st.dictionaries(st.sampled_from([*NAGLE.factor, "x=y", ""]), st.lists(st.text(min_size=1), min_size=1))
)
def test_whatever_is_written_is_settings_or_a_refusal(wanted: dict[str, list[str]]) -> None:
    settings.fields(NAGLE, HERE, {name: words for name, words in wanted.items() if name in NAGLE.factor})
    with contextlib.suppress(UsageError):
        settings.read(NAGLE, wanted)
