"""The command line of a load: what is kept of it, what may stand together, what repeats an earlier load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from load_results import capacity, plan, record, result
from msgspec.structs import replace

from hinterland.cli.load.command import repeated
from hinterland.cli.load.option_groups import (
    ArrivalOptions,
    ConnectionOptions,
    GeneratorOptions,
    JudgingOptions,
    OutputOptions,
    RequestOptions,
)
from hinterland.cli.load.option_values import as_before, asked, capacity_objective
from hinterland.cli.start import start
from hinterland.errors import UsageError
from hinterland.load.options.declared import Asked
from hinterland.load.plan.plan import RequestPlan, Weighted
from hinterland.load.record.folder import NOT_KEPT


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["load", "http://h/", "-H", "Authorization: Bearer s"], "-H 'Authorization: (not kept)'"),
        (["load", "http://h/", "--header=Cookie: s"], "'--header=Cookie: (not kept)'"),
        (["load", "http://h/", "-H", "Accept: a"], "-H 'Accept: a'"),
        (["load", "http://h/", "-HX-Api-Key: s"], "'-HX-Api-Key: (not kept)'"),
        (["load", "http://h/", "-H", "Authorization: Bearer {jwt}"], "-H 'Authorization: Bearer {jwt}'"),
        (["load", "postgresql://ann:s@h/"], "'postgresql://ann:***@h/'"),
        (["load", "redis://:s3cr@etPass@h/"], "'redis://:***@h/'"),
        (["load", "http://h/?token=s&a=1"], "'http://h/?token=***&a=1'"),
        (["load", "redis://h", "--body", "AUTH ann s"], "--body 'AUTH ann ***'"),
        (["load", "http://h/", '--body={"pin": 17}'], """'--body={"pin": ***}'"""),
        (["load", "http://h/", "--request", "POST /a key=s"], "--request 'POST /a key=***'"),
        (["load", "http://h/", "--check", "header x-token = s"], "--check 'header x-token = ***'"),
        (["load", "http://h/", "--extract", "token=json:a"], "--extract token=json:a"),
    ],
)
def test_the_command_is_kept_without_its_secrets(words: list[str], kept: str) -> None:
    assert repeated(words).endswith(kept)
    assert repeated(words).startswith("hinterland load ")


def options(**given: Any) -> Asked:
    return asked(
        given.get("arrivals", ArrivalOptions()),
        given.get("connections", ConnectionOptions()),
        given.get("requests", RequestOptions()),
        given.get("judging", JudgingOptions()),
        given.get("generator", GeneratorOptions()),
    )


def test_texts_become_values() -> None:
    found = options(
        arrivals=ArrivalOptions(ramp="100..2k", duration="1m", warm_up="500ms"),
        connections=ConnectionOptions(timeout="250ms"),
    )
    assert (found.ramp, found.duration_s, found.warm_up_s, found.timeout_s) == ((100, 2000), 60, 0.5, 0.25)
    assert options(arrivals=ArrivalOptions(steps="100x10s,2kx1m")).steps == ((100, 10), (2000, 60))
    assert options() == Asked()


@pytest.mark.parametrize(
    "words",
    [
        ["--rate", "fast"],
        ["--ramp", "5"],
        ["--ramp", "5..x"],
        ["--steps", "5"],
        ["--duration", "soon"],
        ["--warm-up", "x"],
        ["--timeout", "1 fortnight"],
        ["--count", "many"],
        ["--zipf", "x"],
        ["--find-capacity", "fast"],
        ["--no-such-option"],
    ],
)
def test_a_text_that_means_nothing_names_the_option_and_what_would(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HINTERLAND_STORE", str(tmp_path))
    assert start(["load", "http://127.0.0.1:1/", *words]) == 64
    error = capsys.readouterr().err
    assert words[0].lstrip("-") in error or words[-1] in error
    assert len(error.splitlines()) >= 2, "the next step"


@pytest.mark.parametrize(
    ("arrivals", "output"),
    [
        (ArrivalOptions(closed=True), OutputOptions()),
        (ArrivalOptions(ramp="1..2"), OutputOptions()),
        (ArrivalOptions(count=5), OutputOptions()),
        (ArrivalOptions(), OutputOptions(hdr=Path("x"))),
        (ArrivalOptions(), OutputOptions(operations=Path("x"))),
    ],
)
def test_a_search_sets_the_rate_itself(arrivals: ArrivalOptions, output: OutputOptions) -> None:
    with pytest.raises(UsageError, match="find-capacity and"):
        capacity_objective(JudgingOptions(find_capacity="p99 < 5ms"), arrivals, output)


def test_a_search_may_be_told_where_to_begin() -> None:
    found = capacity_objective(
        JudgingOptions(find_capacity="p99 < 5ms"), ArrivalOptions(rate="500"), OutputOptions()
    )
    assert found is not None
    assert found.value == 0.005


def test_without_a_url_the_earlier_load_is_repeated_with_other_objectives() -> None:
    earlier = record(result(seconds=1))
    assert as_before(earlier, Asked()) == earlier.result.plan  # type: ignore[union-attr]
    assert as_before(earlier, Asked(objectives=("errors = 0",))).objectives[0].metric == "errors"


def test_what_can_not_be_repeated_is_told_why() -> None:
    with pytest.raises(UsageError, match="needs a URL"):
        as_before(None, Asked())
    with pytest.raises(UsageError, match="rate needs a URL"):
        as_before(record(), Asked(rate=5))
    with pytest.raises(UsageError, match="search for capacity"):
        as_before(record(None, result=None, capacity=capacity()), Asked())
    headers = (("Authorization", NOT_KEPT),)
    secret = replace(result(seconds=1), plan=plan(mix=(Weighted(requests=(RequestPlan(headers=headers),)),)))
    with pytest.raises(UsageError, match="a secret, which was not kept"):
        as_before(record(secret), Asked())
