"""What an experiment's outcome may hold: numbers that a record can carry, and nothing else."""

from __future__ import annotations

import math

import pytest

from hinterland.model.verdict import Assumption, Outcome, TrialResult
from hinterland.runner.trials.messages import Finished, line, report_decoder
from hinterland.runner.trials.trial import plain


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (Outcome(metrics={"p99_ms": math.inf}), "p99_ms is inf"),
        (Outcome(metrics={"p99_ms": math.nan}), "p99_ms is nan"),
        (Outcome(series={"queue": [(0.0, 1.0), (1.0, math.nan)]}), "queue is nan"),
        (
            Outcome(assumptions=(Assumption("steady", "steady", held=False, late_ms=math.inf),)),
            "steady is inf",
        ),
    ],
)
def test_a_number_that_json_can_not_hold_is_refused_by_name(outcome: Outcome, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        plain(outcome)


def test_an_outcome_comes_through_the_pipe_as_it_was() -> None:
    outcome = plain(Outcome(metrics={"p99_ms": 1e300}, tries={"late": 3}, series={"queue": [(0.0, 1.0)]}))
    result = TrialResult("b001-t01", 1, {}, 1, "done", outcome, 0.1)
    assert report_decoder.decode(line(Finished(result=result))) == Finished(result=result)
