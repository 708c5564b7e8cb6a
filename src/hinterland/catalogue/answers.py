"""What the question of a manifest and its answer must obey: that this very run can tell who was right."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hinterland.catalogue.rules import Problem, unknown, where_problems
from hinterland.claims.grounds.form import matches
from hinterland.model.experiment import Experiment, Prediction, Truth, Where, label
from hinterland.model.levels import treatments

WITHOUT_ESTIMATE = "never"
"""The form of claim that counts findings: it estimates no figure that somebody could have said before."""


def answer_problems(experiment: Experiment) -> Iterator[Problem]:
    """Yields what is wrong with the question, its options, and what is said to answer it."""
    prediction = experiment.prediction
    if prediction.kind == "choice" and len(prediction.options) < 2:
        yield Problem("prediction.options", list(prediction.options), "must offer at least two.")
    if not prediction.ask.strip():
        yield Problem("prediction.ask", "", "must not be empty.")
    wrong = prediction.correct and prediction.correct not in prediction.options
    if prediction.kind == "choice" and wrong:
        yield Problem("prediction.correct", prediction.correct, "must be one of the options.")
    if prediction.axis is not None and not 0 <= prediction.axis[0] < prediction.axis[1]:
        yield Problem("prediction.axis", list(prediction.axis), "must be from 0 or more to more than that.")
    claims = [claim.id for claim in experiment.claim]
    for claim in prediction.shown_by:
        if claim not in claims:
            yield unknown("prediction.shown_by", claim, "claim", claims)
    yield from kind_problems(prediction)
    if prediction.truth is not None:
        yield from truth_problems(experiment, prediction.truth)


def kind_problems(prediction: Prediction) -> Iterator[Problem]:
    """Yields where the answer is of another kind than the question, or is given twice."""
    scored = prediction.correct or prediction.truth is not None
    if prediction.kind != "number" and prediction.truth is not None:
        rule = f'is for kind = "number"; this question is a {prediction.kind}.'
        yield Problem("prediction.truth", None, rule, "A choice has correct.")
    if prediction.kind != "choice" and prediction.correct:
        rule = f'is for kind = "choice"; this question asks for a {prediction.kind}.'
        yield Problem("prediction.correct", prediction.correct, rule, "A number has truth.")
    if scored and prediction.unscored:
        rule = "says why nobody can be judged, and the manifest also says by what."
        yield Problem("prediction.unscored", prediction.unscored, rule, "Keep one of them.")


def truth_problems(experiment: Experiment, truth: Truth) -> Iterator[Problem]:
    """Yields what in `prediction.truth` names nothing of this experiment."""
    key = "prediction.truth"
    if bool(truth.metric) == bool(truth.claim):
        rule = "must name a metric of trials or the claim whose estimate it is: one of them."
        yield Problem(key, None, rule)
    if not (truth.times > 0 and math.isfinite(truth.times)):
        yield Problem(f"{key}.times", truth.times, "must be above 0.")
    if truth.rest_of is not None and not math.isfinite(truth.rest_of):
        yield Problem(f"{key}.rest_of", truth.rest_of, "must be finite.")
    if truth.claim:
        yield from estimate_problems(experiment, truth)
    if truth.metric:
        if truth.metric not in experiment.metric:
            yield unknown(f"{key}.metric", truth.metric, "metric", experiment.metric)
        yield from side_problems(experiment, f"{key}.where", truth.where, truth.where)
        if truth.over:
            yield from side_problems(experiment, f"{key}.over", truth.over, {**truth.where, **truth.over})


def estimate_problems(experiment: Experiment, truth: Truth) -> Iterator[Problem]:
    """A claim's estimate stands for itself: nothing chooses among its trials, and it must be a figure."""
    forms = {claim.id: claim.form for claim in experiment.claim}
    if truth.claim not in forms:
        yield unknown("prediction.truth.claim", truth.claim, "claim", forms)
    elif WITHOUT_ESTIMATE in forms[truth.claim]:
        rule = "counts findings and estimates no figure: name a metric instead."
        yield Problem("prediction.truth.claim", truth.claim, rule)
    for part in ("where", "over"):
        if given := getattr(truth, part):
            rule = "stands beside a metric; a claim has its own levels."
            yield Problem(f"prediction.truth.{part}", given, rule)


def side_problems(experiment: Experiment, key: str, given: Where, whole: Where) -> Iterator[Problem]:
    """Levels must be allowed, and together leave a treatment that runs without being asked for."""
    broken = list(where_problems(experiment, key, {name: (level,) for name, level in given.items()}))
    yield from broken
    if not broken and not any(matches(whole, each) for each in treatments(experiment)):
        yield Problem(key, given, f"names no treatment that runs by default: none has {label(whole)}.")
