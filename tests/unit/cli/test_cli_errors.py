"""Bad input gets the value, the rule and the next step, on stderr, with status 64."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.cli.atlas.new import fill
from hinterland.cli.start import start

BAD = {
    "verb": (["ruun"], 64, 'There is no verb "ruun". Did you mean "run"?', "See: hinterland --help"),
    "no id": (["run"], 64, "Run needs ID.", "See: hinterland run --help"),
    "no value": (["report", "last", "--output"], 64, "--output needs a value.", "hinterland report --help"),
    "two forms": (["report", "last", "--json", "--text"], 64, "--json", ""),
    "option": (["list", "--jsno"], 64, "--jsno", "See: hinterland list --help"),
    "id": (["run", "pattern/mine"], 64, "pattern/mine is not an experiment.", "hinterland list"),
    "factor": (["run", "patterns/mine", "--set", "wait=3"], 64,
        "wait is not a factor", "Did you mean wait_ms?"),
    "level": (["run", "patterns/mine", "--set", "variant=x"], 64,
        "variant=x must be one of direct, waits", ""),
    "range": (["run", "patterns/mine", "--set", "wait_ms=101"], 64,
        "wait_ms=101 must be between 0 and 100", ""),
    "budget": (["run", "patterns/mine", "--budget", "soon"], 64,
        "budget=soon must be a time", "30s, 2m or 90"),
    "short budget": (["run", "patterns/mine", "--budget", "1s"], 64, "must allow one block", "--budget"),
    "no budget": (["run", "patterns/mine", "--budget", ""], 64, "budget= must be a time", "30s, 2m or 90"),
    "no like": (["run", "patterns/mine", "--like", ""], 64, "must not be empty", "hinterland runs"),
    "no factor": (["run", "patterns/mine", "--set", "=1"], 64, "--set =1 must have the form", "--set"),
    "seed": (["run", "patterns/mine", "--seed", "x"], 64, "eed=x must be a whole number.", "run --help"),
    "too many": (["run", "patterns/mine", "b"], 64, "takes no more arguments: b is left over.", "--help"),
    "no store": (["--store"], 64, "--store needs a value.", "See: hinterland --help"),
    "blocks": (["run", "patterns/mine", "--blocks", "0"], 64, "blocks=0 must be at least 1", ""),
    "run": (["report", "nothing"], 64, "nothing is not a run", "hinterland runs"),
    "region": (["list", "cellar"], 64, "cellar is not a region.", "protocols"),
    "new": (["new", "patterns/My-Thing"], 64, "My-Thing must be lower case", "patterns/my_thing"),
    "new again": (["new", "patterns/mine"], 64, "is not empty", "another name"),
    "shell": (["completion", "tcsh"], 64, "tcsh", "hinterland completion --help"),
}  # fmt: skip


@pytest.fixture
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder holds a scaffolded experiment `patterns/mine`; the store is empty."""
    fill(tmp_path / "patterns" / "mine", {"region": "patterns", "name": "mine", "title": "Mine"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HINTERLAND_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("HINTERLAND_DEBUG", raising=False)
    catalogue.forget()


@pytest.mark.usefixtures("_place")
@pytest.mark.parametrize(("arguments", "status", "says", "next_step"), BAD.values(), ids=BAD.keys())
def test_bad_input_gets_value_rule_and_next_step(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, says: str, next_step: str
) -> None:
    found = start(arguments)

    output = capsys.readouterr()
    assert found == status, output.err
    assert output.out == ""
    assert says in output.err
    assert next_step in output.err
    assert "Traceback" not in output.err


@pytest.mark.usefixtures("_place")
def test_new_says_where_the_files_are_and_does_not_overwrite(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert start(["new", "apis/first_one", "--folder", str(tmp_path)]) == 0

    told = capsys.readouterr().out
    made = tmp_path / "apis" / "first_one"
    assert str(made) in told
    assert (made / "test_first_one.py").is_file()
    assert catalogue.read(made).title == "First one"
    assert not any("TEMPLATE" in path.read_text() for path in made.rglob("*") if path.is_file())
    assert start(["new", "apis/first_one", "--folder", str(tmp_path)]) == 64
