"""`hinterland show ID`: everything that a manifest declares, and which part of it runs here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland import catalogue
from hinterland.cli.atlas.listing import left_out_of, missing_of
from hinterland.cli.terminal.documents import ShownExperiment
from hinterland.cli.terminal.options import ExperimentId, Json
from hinterland.cli.terminal.output import coloured, duration, heading, paint, print_json, width, wrapped
from hinterland.model.experiment import REGIONS, Experiment, Factor, label, show
from hinterland.model.levels import bounds, is_range, treatments
from hinterland.rig.machine.availability import Availability, availability
from hinterland.rig.machine.needs import check


def show_experiment(
    experiment_id: ExperimentId,
    /,
    *,
    lesson: Annotated[bool, Parameter(negative=(), help="Print the lesson instead.")] = False,
    json: Json = False,
) -> int:
    """One experiment: its question, factors, claims with controls, metrics, needs and sources.

    hinterland show apis/idempotency --lesson
    """
    experiment = catalogue.find(experiment_id)
    if json:
        found = availability(experiment)
        print_json(ShownExperiment(experiment, found.runs, missing_of(found), left_out_of(found)))
    elif lesson:
        print_lesson(experiment)
    else:
        print("\n".join(page(experiment, availability(experiment))))
    return 0


def print_lesson(experiment: Experiment) -> None:
    """Prints lesson.md as a terminal shows it best: laid out if coloured, as it is written otherwise."""
    text = (Path(experiment.folder) / "lesson.md").read_text(encoding="utf-8")
    if not coloured():
        print(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=width()).print(Markdown(text))


def page(experiment: Experiment, found: Availability) -> Iterator[str]:
    """Yields the lines of the page."""
    yield f"{paint(experiment.id, 'cyan')}  {heading(experiment.title)}"
    yield paint(f"{experiment.region}: {REGIONS[experiment.region]}", "dim")
    yield ""
    yield wrapped(experiment.question)
    yield from section("Before you run", prediction_lines(experiment))
    yield from section("Factors", factor_lines(experiment, found))
    yield from section("Claims", claim_lines(experiment))
    yield from section("Metrics", metric_lines(experiment))
    yield from section("Needs", need_lines(experiment))
    yield from section("Sources", source_lines(experiment))
    size = len(treatments(experiment))
    block = duration(size * experiment.trial_s)
    yield ""
    yield wrapped(
        f"One block is {size} trials and takes about {block}; the run stops when the claims are decided, "
        f"after {duration(experiment.budget_s)} at the latest."
    )
    yield f"  hinterland run {experiment.id}"


def section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Yields a heading and its lines; nothing if there are none."""
    first = next(lines, None)
    if first is not None:
        yield ""
        yield heading(title)
        yield first
        yield from lines


def prediction_lines(experiment: Experiment) -> Iterator[str]:
    prediction = experiment.prediction
    yield wrapped(prediction.ask, 2)
    for option in prediction.options:
        yield wrapped(option, 4, "  - ")


def factor_lines(experiment: Experiment, found: Availability) -> Iterator[str]:
    column = max(map(len, experiment.factor))
    unavailable = {(one.factor, show(one.level)): one for one in found.absent}
    for name, factor in experiment.factor.items():
        unit = f" {factor.unit}" if factor.unit else ""
        levels = ", ".join(
            show(level) + ("*" if (name, show(level)) in unavailable else "") for level in factor.levels
        )
        label = paint(name.ljust(column), "cyan")
        first, *rest = wrapped(levels + unit, column + 4).splitlines()
        yield f"  {label}  {first.strip()}"
        yield from rest
        yield paint(wrapped(sentence(factor.says) + also(factor), column + 4), "dim")
    for absent in found.absent:
        needs = ", ".join(status.need for status in absent.needs)
        yield wrapped(f"* {absent.factor}={show(absent.level)} is left out here: it needs {needs}.", 4, "  ")


def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def also(factor: Factor) -> str:
    """Returns what else than the default levels may be asked for, as a sentence."""
    if is_range(factor):
        return f" Any number {bounds(factor)}."
    more = [show(level) for level in factor.choices if level not in factor.levels]
    return f" Also: {', '.join(more)}." if more else ""


def claim_lines(experiment: Experiment) -> Iterator[str]:
    # It brings the statistics along, which `show --json` and the lesson need not wait for.
    from hinterland.claims.declared import form_of

    for claim in sorted(experiment.claim, key=lambda claim: not claim.main):
        yield f"  {paint(claim.id, 'cyan')}{'' if claim.main else paint('  (beside the main ones)', 'dim')}"
        yield wrapped(claim.says, 4)
        yield paint(wrapped(f"Control: {claim.control}", 4), "dim")
        form = form_of(claim)
        asked = f"Holds where {form.asks()}; the control has {label(form.control)}."
        yield paint(wrapped(asked, 4), "dim")


def metric_lines(experiment: Experiment) -> Iterator[str]:
    better = {"lower": ", lower is better", "higher": ", higher is better", "neither": ""}
    for name, metric in experiment.metric.items():
        yield f"  {paint(name, 'cyan')}  {metric.unit}{better[metric.better]}"
        yield paint(wrapped(metric.says, 4), "dim")


def need_lines(experiment: Experiment) -> Iterator[str]:
    wanted = {need.rstrip("?"): need.endswith("?") for need in experiment.needs}
    for factor in experiment.factor.values():
        for needs in factor.needs.values():
            for need in needs:
                wanted.setdefault(need.rstrip("?"), True)
    for need, optional in wanted.items():
        status = check(need)
        kind = paint(" (optional)", "dim") if optional else ""
        if status.available:
            yield f"  {paint('✓', 'green')} {need}{kind}"
        else:
            yield f"  {paint('✗', 'red')} {need}{kind}  {status.install}"


def source_lines(experiment: Experiment) -> Iterator[str]:
    for source in experiment.source:
        yield wrapped(f"{source.title}{': ' + source.says if source.says else ''}", 4, "  ")
        yield paint(f"    {source.url}", "dim")
