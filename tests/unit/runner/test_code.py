"""What an experiment.py may be: anything else is said with its file and the rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from runner_samples import experiment

from hinterland.errors import SetupError, UsageError
from hinterland.runner.trials import code

WHOLE = """
async def trial(t): ...
def outcome(h): ...
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def (", "can't be imported: SyntaxError"),
        ("1 / 0", "can't be imported: ZeroDivisionError"),
        ("import sys; sys.exit(3)", "can't be imported: SystemExit: 3"),
        ("def outcome(h): ...", "must define trial"),
        ("async def trial(t): ...", "must define outcome"),
    ],
)
def test_what_is_wrong_is_said_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "experiment.py").write_text(text)
    with pytest.raises(UsageError, match=says) as raised:
        code.load(experiment("once", folder=str(tmp_path)))
    assert str(tmp_path / "experiment.py") in raised.value.says


def test_a_module_that_is_missing_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "experiment.py").write_text("import hinterland_no_such_module")
    with pytest.raises(SetupError, match="needs hinterland_no_such_module"):
        code.load(experiment("once", folder=str(tmp_path)))


def test_a_whole_one_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "experiment.py").write_text(WHOLE)
    assert callable(code.load(experiment("once", folder=str(tmp_path))).outcome)
