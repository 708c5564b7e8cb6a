"""The table of `--report`: what was kept against its targets, a column a weather."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from statistics import median

from benchmarks.verdicts.score import Score
from benchmarks.weather.kept import Line, Part
from benchmarks.weather.makers import WEATHERS

DEFAULT_BUDGET_S = 60.0
MOST_FALSE = 0.05
LEAST_EQUAL_PAIRS = 60
"""With fewer pairs of equals a weather has not been tried."""
Kept = dict[tuple[str, str], Part]


def scores(parts: Iterable[Part]) -> dict[str, dict[str, Score]]:
    """Returns for each row of the table its score in each weather that something is kept of."""
    kept: Kept = {(part.weather, part.part): part for part in parts}
    return {
        row: {weather: score for weather in WEATHERS if (score := count(kept, weather)) is not None}
        for row, count in ROWS.items()
    }


def report(parts: Sequence[Part]) -> str:
    """Returns the table in Markdown, what lies behind it, and where it was measured."""
    found = scores(parts)
    lines = [f"| | {' | '.join(WEATHERS)} |", "|---|" + "---|" * len(WEATHERS)]
    for row, by_weather in found.items():
        cells = [cell(by_weather[name]) if name in by_weather else "-" for name in WEATHERS]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    lines += ["", *(f"- {line}" for part in parts for line in behind(part))]
    return "\n".join(lines)


def missed(parts: Iterable[Part]) -> list[str]:
    """Returns each target that what is kept misses; short versions miss none."""
    found = scores(part for part in parts if not part.quick)
    return [
        f"{row}, {name}: {cell(score)}"
        for row, by_weather in found.items()
        for name, score in by_weather.items()
        if not score.met
    ]


def cell(score: Score) -> str:
    """Returns a score as the table shows it."""
    low, high = score.interval()
    target = ""
    if score.at_most is not None:
        target = f", target at most {score.at_most:.0%}" if score.at_most else ", target 0"
    elif score.at_least is not None:
        target = f", target at least {score.at_least:.0%}"
    bounds = f"{100 * score.share:.1f} %, {100 * low:.1f} to {100 * high:.1f}"
    state = "" if score.met or score.remark else ", MISSED"
    if state and score.runs < score.least_runs and replace(score, least_runs=1).met:
        state = f", not enough: it wants {score.least_runs}"
    return f"{score.hits} of {score.runs} ({bounds}{target}{state}){score.remark}"


def behind(part: Part) -> list[str]:
    """Returns what the table does not show of a part: where it ran, what stayed open, what was false."""
    lines = [_course(part)]
    for run in part.runs:
        told = f"{part.weather}, {run['experiment']}"
        if "error" in run:
            lines.append(f"{told}: did not run: {run['error']}")
        elif run.get("status", "finished") != "finished":
            lines.append(f"{told}: {run['status']} after {run['seconds']:.0f} s")
        for pair in run.get("pairs", ()):
            lines += [f"{told}, {pair['pair']}: falsely {said}" for said in pair["false"]]
        for claim in run.get("claims", ()):
            if claim["verdict"] not in ("holds", "did not run"):
                kind = "main" if claim["main"] else "side"
                why = claim.get("cause") or claim.get("says", "")
                lines.append(f"{told}, {kind} claim {claim['id']}: {claim['verdict']}, {why}")
    return [*lines, *_found(part)]


def _course(part: Part) -> str:
    where, machine = part.where, part.where["machine"]
    taken = [run["taken"] for run in part.runs if "taken" in run]
    others = [run["foreign_cores"] for run in part.runs if run.get("foreign_cores") is not None]
    minutes = sum(run.get("seconds", 0.0) for run in part.runs) / 60
    disturbed = sum(run.get("disturbed", 0) for run in part.runs)
    return (
        f"{part.weather}, {part.part}{' (short version)' if part.quick else ''}: {len(part.runs)} runs in "
        f"{minutes:.0f} min, {where['date']}, {machine['cores']} cores of {machine['cpu']}, "
        f"Linux {machine['kernel']}, load average before {where['load_average']}. "
        f"The maker took {median(each['cores'] for each in taken) if taken else 0:.2f} cores "
        f"({taken[0]['how'] if taken else 'nothing'}), "
        f"it and all others {median(others) if others else 0:.2f}; "
        f"{disturbed} of {sum(run.get('trials', 0) for run in part.runs)} trials were disturbed."
    )


def _found(part: Part) -> list[str]:
    if part.part != "known":
        return []
    lines = []
    for times in ("1_5x", "3x", "40x"):
        pairs = _pairs(part, times)
        after = [pair["slower_blocks"] for pair in pairs if "slower_blocks" in pair]
        middle = f", after {median(after):.0f} blocks (the middle)" if after else ""
        lines.append(
            f"{part.weather}: {times.replace('_', '.')} found in {len(after)} of {len(pairs)}{middle}"
        )
    return lines


def _false(kept: Kept, weather: str) -> Score | None:
    parts = [part for name in ("aa", "known") if (part := kept.get((weather, name)))]
    if not parts:
        return None
    names = {part.part for part in parts}
    pairs = [pair for part in parts for run in part.runs for pair in run.get("pairs", ())]
    equal = sum(len(run.get("pairs", ())) for run in kept[weather, "aa"].runs) if "aa" in names else 0
    score = Score("false", sum(bool(pair["false"]) for pair in pairs), len(pairs), at_most=MOST_FALSE)
    least = len(pairs) - equal + LEAST_EQUAL_PAIRS if "aa" in names else 1
    return _short(replace(score, least_runs=least), parts)


def _found_3x(kept: Kept, weather: str) -> Score | None:
    part = kept.get((weather, "known"))
    if part is None:
        return None
    pairs = _pairs(part, "3x")
    hits = sum(pair.get("slower_s", DEFAULT_BUDGET_S + 1) <= DEFAULT_BUDGET_S for pair in pairs)
    return _short(Score("3x", hits, len(pairs), at_least=1.0 if weather == "quiet" else 0.9), [part])


def _pairs(part: Part, times: str) -> list[Line]:
    return [
        pair for run in part.runs for pair in run.get("pairs", ()) if pair["pair"].partition("_")[2] == times
    ]


def _tour(kept: Kept, weather: str) -> Score | None:
    part = kept.get((weather, "tour"))
    least = {"quiet": 1.0, "neighbour": 0.9}.get(weather, 0.8)
    return None if part is None else _short(_decided(_main(part.runs), least), [part])


def _all(kept: Kept, weather: str) -> Score | None:
    tour, rest = kept.get((weather, "tour")), kept.get((weather, "rest"))
    if tour is None or rest is None:
        return None
    # Each experiment counts once: of the tour's the first of its runs.
    once = list({run["experiment"]: run for run in reversed(tour.runs)}.values())
    least = {"quiet": 0.98, "neighbour": 0.75}.get(weather, 0.65)
    return _short(_decided(_main([*once, *rest.runs]), least), [tour, rest])


def _wrong(kept: Kept, weather: str) -> Score | None:
    parts = [part for name in ("tour", "rest") if (part := kept.get((weather, name)))]
    if not parts:
        return None
    # Every main claim of the atlas holds on a sound machine.
    claims = [claim for part in parts for claim in _main(part.runs)]
    return _short(
        Score("wrong", sum(c["verdict"] == "refuted" for c in claims), len(claims), at_most=0.0), parts
    )


def _main(runs: Iterable[Line]) -> list[Line]:
    return [claim for run in runs for claim in run.get("claims", ()) if claim["main"]]


def _decided(claims: Sequence[Line], least: float) -> Score:
    hits = sum(claim["verdict"] in ("holds", "refuted") for claim in claims)
    return Score("decided", hits, len(claims), at_least=least)


def _short(score: Score, parts: Sequence[Part]) -> Score:
    return replace(score, remark=" short" if any(part.quick for part in parts) else "")


ROWS: dict[str, Callable[[Kept, str], Score | None]] = {
    "false verdicts, A/A and known answers, at any of 12 looks": _false,
    "main claims of the tour decided in the default budget": _tour,
    "main claims of all experiments decided": _all,
    "wrong verdicts on main claims": _wrong,
    "3 x found in the default budget": _found_3x,
}
