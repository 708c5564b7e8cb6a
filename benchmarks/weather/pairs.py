"""Two experiments whose answers are known, run as the runner runs any: blocks in random order, the weather of
each trial measured, judged after every block.

`same`: three kinds of work (`benchmarks.verdicts.trials`) in two sizes, each twice. No side is slower.
`known`: the same kinds with 1.5, 3 and 40 times as much work.

A block has twelve treatments of unlike kinds, so that what they scatter together counts, as it does in the
atlas. Each pair is judged twice: by the time of one try, and by the least of three, where the trial shows by
the two fastest whether noise left it alone (`steady`).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from time import perf_counter

from benchmarks.verdicts import trials
from hinterland.claims.declared import declaration
from hinterland.claims.forms.difference_within import DifferenceWithin
from hinterland.claims.forms.ratio_at_least import RatioAtLeast
from hinterland.claims.grounds.form import Form
from hinterland.model.experiment import Experiment, Factor, Level, Metric, Prediction, Where
from hinterland.model.history import History
from hinterland.model.verdict import Assumption, Outcome, VerdictWord
from hinterland.runner.trials.trial import Trial

HERE = Path(__file__).parent
KINDS = tuple(trials.KINDS)
# Of the usual work of each kind: 5 to 15 ms on a quiet machine, SQLite's with a commit every ten rows.
SHARE = {"sqlite": 0.01, "echo": 0.06, "hashing": 0.04}
SAME_SIZES = {"small": 3.0, "large": 6.0}
KNOWN = (1.5, 3.0, 40.0)
TRIES, AGREE = 3, 1.1
METRICS = {"": "work_s", "_least": "least_s"}
"""What a pair is judged by, and what its name says of it."""
WITHIN = 1.25
"""Sides that differ by less are the same."""
TOO_MUCH = 2.0
"""To find this many times the true ratio is false, whatever a trial costs beside its work."""
# A control names no treatment that was run: only the evidence for the claims themselves is of interest here.
NO_CONTROL: Where = {"side": "none"}


def same_claims() -> dict[str, Form]:
    """Returns for each pair of equals a claim that one is slower and one that they differ little."""
    claims: dict[str, Form] = {}
    for kind, size, (by, metric) in product(KINDS, SAME_SIZES, METRICS.items()):
        where: Where = {"kind": kind, "size": size}
        claims[f"{kind}_{size}{by}_slower"] = RatioAtLeast(
            metric=metric, ratio=1.0, more={"side": "other"}, less={"side": "one"}, control=NO_CONTROL,
            where=where,
        )  # fmt: skip
        claims[f"{kind}_{size}{by}_same"] = DifferenceWithin(
            metric=metric, ratio=WITHIN, one={"side": "one"}, other={"side": "other"}, control=NO_CONTROL,
            where=where,
        )  # fmt: skip
    return claims


def known_claims() -> dict[str, Form]:
    """Returns for each known difference claims that it is one, that it is none, and that it is doubled."""
    claims: dict[str, Form] = {}
    for kind, times, (by, metric) in product(KINDS, KNOWN, METRICS.items()):
        more, less, where = {"times": times}, {"times": 1.0}, {"kind": kind}
        control: Where = {"times": 0.0}
        name = f"{kind}_{times:g}x{by}".replace(".", "_")
        for word, ratio in (("slower", 1.0), ("beyond", TOO_MUCH * times)):
            claims[f"{name}_{word}"] = RatioAtLeast(
                metric=metric, ratio=ratio, more=more, less=less, control=control, where=where
            )
        claims[f"{name}_same"] = DifferenceWithin(
            metric=metric, ratio=WITHIN, one=more, other=less, control=control, where=where
        )
    return claims


FALSE: dict[str, dict[str, tuple[VerdictWord, ...]]] = {
    "same": {"slower": ("holds", "refuted"), "same": ("refuted",)},
    "known": {"slower": ("refuted",), "beyond": ("holds",), "same": ("holds",)},
}
"""For each of the two experiments, and each claim of it by the end of its name: the words that are false."""


def experiment(name: str) -> Experiment:
    """Returns the experiment `same` or `known`; its folder holds what the runner loads."""
    factors: dict[str, tuple[Level, ...]] = {"kind": KINDS}
    if name == "same":
        claims = same_claims()
        factors |= {"size": tuple(SAME_SIZES), "side": ("one", "other")}
    else:
        claims = known_claims()
        factors |= {"times": (1.0, *KNOWN)}
    return Experiment(
        id=f"weather/{name}",
        folder=str(HERE / name),
        title=name,
        question="Does a verdict tell a difference from none?",
        learned="",
        budget_s=60.0,
        trial_s=0.1,
        factor={factor: Factor(levels=levels, says=factor) for factor, levels in factors.items()},
        metric={
            "work_s": Metric(unit="s", better="lower", says="time for the work"),
            "least_s": Metric(
                unit="s", better="lower", says=f"the least of {TRIES} tries", steady="tries_agree"
            ),
        },
        claim=tuple(declaration(each, form, says=each, control="none") for each, form in claims.items()),
        prediction=Prediction(kind="choice", ask="Which is faster?"),
        source=(),
    )


async def trial(t: Trial) -> None:
    """Does the work in the trial's own process, once a little of it to load what it needs, then all of it."""
    work, units = trials.KINDS[t["kind"]]
    times = SAME_SIZES[t["size"]] if "size" in t.treatment else t["times"]
    work(1)
    tries = []
    for _ in range(TRIES):
        start = perf_counter()
        work(round(units * SHARE[t["kind"]] * times))
        tries.append(perf_counter() - start)
    t.reading("tries_s", tries)


def outcome(history: History) -> Outcome:
    """Returns how long the first try took and the fastest."""
    first_s, *_ = tries_s = history.readings["tries_s"]
    least_s, second_s, *_ = sorted(tries_s)
    agree = Assumption(
        id="tries_agree",
        says=f"the two fastest tries differ by less than {AGREE - 1:.0%}",
        held=second_s < AGREE * least_s,
        measured=f"{second_s / least_s - 1:.0%}",
        timed=True,
    )
    return Outcome(metrics={"work_s": first_s, "least_s": least_s}, assumptions=(agree,))
