"""The weather of a run: in one sentence, drawn along its trials, and how a verdict came through it."""

from __future__ import annotations

from collections.abc import Sequence

from hinterland.drawing import axes, scale
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.drawing.svg import Drawing, text_width
from hinterland.model.run import RunRecord
from hinterland.model.verdict import TrialResult, Verdict
from hinterland.model.weather import Weather

STRIP_PX = 86.0
NOTABLE_STEAL_SHARE = 0.01
NOTABLE_CORES = 0.1
MANY_DISTURBED_SHARE = 0.1


def overall(trials: Sequence[TrialResult]) -> Weather | None:
    """Returns the weather of all these trials together, with the program that was busiest over all."""
    felt = [trial.weather for trial in trials if trial.weather is not None]
    wall_s = sum(each.wall_s for each in felt)
    if not felt or wall_s <= 0:
        return None

    def mean(values: Sequence[float]) -> float:
        return sum(value * each.wall_s for value, each in zip(values, felt, strict=True)) / wall_s

    programs: dict[str, float] = {}
    for each in felt:
        if each.by:
            programs[each.by] = programs.get(each.by, 0.0) + each.by_cores * each.wall_s
    by = max(programs, key=lambda name: programs[name], default="")
    return Weather(
        wall_s=wall_s,
        cores=felt[0].cores,
        steal_share=mean([each.steal_share for each in felt]),
        busy_share=mean([each.busy_share for each in felt]),
        foreign_cores=mean([each.foreign_cores for each in felt]),
        by=by,
        by_cores=programs.get(by, 0.0) / wall_s,
    )


def taken_says(weather: Weather) -> str:
    """Returns who took how much: `the hypervisor took 12 % of the processors`; nothing for a calm."""
    parts = []
    if weather.steal_share >= NOTABLE_STEAL_SHARE:
        parts.append(f"the hypervisor took {100 * weather.steal_share:.0f} % of the processors")
    if weather.foreign_cores >= NOTABLE_CORES:
        most = f", most of it {weather.by}" if weather.by else ""
        parts.append(f"other programs kept {weather.foreign_cores:.1f} of {weather.cores} cores busy{most}")
    return " and ".join(parts)


def says(record: RunRecord) -> str:
    """Returns one sentence on the noise of a run and on what would help; nothing where there was little."""
    done = [trial for trial in record.trials if trial.status == "done"]
    disturbed = [trial for trial in done if trial.disturbed]
    open_claims = sum(verdict.verdict == "inconclusive" for verdict in record.verdicts)
    if not disturbed or (not open_claims and len(disturbed) < MANY_DISTURBED_SHARE * len(done)):
        return ""
    felt = overall(disturbed)
    taken = taken_says(felt) if felt else ""
    what = f"Noise disturbed {len(disturbed)} of {len(done)} trials"
    what += f": {taken}." if taken else f": {disturbed[0].disturbed}."
    if not record.verdicts:
        return what
    if not open_claims:
        return f"{what} The verdicts held through it."
    helps = []
    if felt and felt.by and felt.by_cores >= NOTABLE_CORES:
        helps.append(f"an end to {felt.by}")
    if felt and felt.steal_share >= NOTABLE_STEAL_SHARE:
        helps.append("a quieter hour, or a machine of your own")
    helps.append("more time (--patience 2m)")
    return f"{what} What would help: {'; '.join(helps)}."


def came_about(verdict: Verdict) -> str:
    """Returns how a verdict came about where noise was part of it: `through noise`; nothing otherwise."""
    evidence = verdict.evidence
    if verdict.verdict == "inconclusive" or not evidence.disturbed:
        return ""
    if evidence.trials and evidence.disturbed < evidence.trials:
        return f"through noise in {evidence.disturbed} of {evidence.trials} comparisons"
    return "through noise"


def meant(verdict: Verdict) -> str:
    """Returns what `through noise` means, where it stands; nothing where there was none."""
    if not came_about(verdict):
        return ""
    return (
        "Others on this machine took time from some of what was compared. That can only make things slower: "
        "what it may have caused does not count, and what remains decides the claim."
    )


def figure(record: RunRecord, key: str = "weather") -> Figure | None:
    """Returns what others took along the trials; None for a record that holds no weather."""
    felt = [trial for trial in record.trials if trial.weather is not None]
    if len(felt) < 2:
        return None
    disturbed = sum(bool(trial.disturbed) for trial in felt)
    caption = (
        f"What others took of the machine while each trial ran, in the order of the trials; "
        f"{disturbed} of {len(felt)} were disturbed (dots)."
    )
    wide, narrow = in_both_widths(key, "The machine's weather", caption, lambda drawing: _draw(drawing, felt))
    columns = ("Trial", "Stolen", "Other programs", "Busiest", "Disturbed by")
    return Figure(caption, wide, narrow, columns, tuple(_row(trial) for trial in felt))


def _row(trial: TrialResult) -> tuple[str, ...]:
    weather = trial.weather or Weather()
    busiest = f"{weather.by} {weather.by_cores:.2f}" if weather.by else "–"
    return (
        trial.id,
        f"{weather.steal_share:.1%}",
        f"{weather.foreign_cores:.2f} cores",
        busiest,
        trial.disturbed or "–",
    )


def _draw(drawing: Drawing, felt: Sequence[TrialResult]) -> None:
    """A bar a trial: the hypervisor's share below, other programs' on top; a dot where it disturbed."""
    left, right = 44.0, drawing.width - 4
    top = 26.0
    bottom = top + STRIP_PX
    shares = [trial.weather.taken_share for trial in felt if trial.weather]
    up = scale.linear([0.0, 0.1, *shares], bottom, top, "share", zero=True, about=3)
    axes.upward(drawing, up, left, right)
    drawing.text(left, 12, "stolen by the hypervisor", size=12, css="s1")
    drawing.text(
        left + text_width("stolen by the hypervisor", 12) + 16, 12, "other programs", size=12, css="s0"
    )
    step = (right - left) / len(felt)
    for place, trial in enumerate(felt):
        weather = trial.weather or Weather()
        x, width = left + place * step, max(0.8, 0.8 * step)
        stolen = up.at(min(weather.steal_share, weather.taken_share))
        whole = up.at(weather.taken_share)
        drawing.rect(x, stolen, width, bottom - stolen, "trial s1")
        drawing.rect(x, whole, width, stolen - whole, "trial s0")
        if trial.disturbed:
            drawing.dot(x + width / 2, bottom + 7, min(2.5, max(1.0, step / 3)), "mark claim")
    drawing.text(left, bottom + 24, "first trial", size=12, css="quiet")
    drawing.text(right, bottom + 24, "last trial", size=12, css="quiet", anchor="end")
    drawing.height = bottom + 30
