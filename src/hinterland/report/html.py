"""The report as one HTML file that loads nothing: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hinterland.claims.forms import forms
from hinterland.drawing import numbers, typeface
from hinterland.drawing.figure import Figure
from hinterland.drawing.template import template
from hinterland.model.experiment import REGIONS
from hinterland.model.run import RunRecord
from hinterland.model.verdict import TrialResult, Verdict
from hinterland.report import answer, markdown, story, verdicts, weather, witness
from hinterland.report.charts import charts, samples

if TYPE_CHECKING:
    from hinterland.model.packets import PacketView


def render(record: RunRecord, lesson: str = "", packets: Sequence[PacketView] = (), store: str = "") -> str:
    """Returns the page. `lesson` is the experiment's lesson in Markdown; empty leaves it out. `packets` are
    drawn as ladders. `store` is the option that the commands which repeat it need to find the run.

    Any status is shown, also a run with no trial.
    """
    info, experiment = record.info, record.info.experiment
    judged = story.in_order(record.verdicts)
    return template("hinterland.report", "report.html.j2").render(
        faces=typeface.embedded(),
        info=info,
        experiment=experiment,
        region=REGIONS.get(experiment.region, ""),
        status=story.status_says(info),
        noise=weather.says(record),
        weather=weather.figure(record),
        counts=story.counts_say(record),
        started=story.started_says(info),
        verdicts=[verdict_view(verdict, number) for number, verdict in enumerate(judged, 1)],
        unjudged=story.unjudged(record),
        charts=charts.figures(record),
        ladders=ladders(packets),
        witnesses=witnesses(judged),
        tallies=story.tallies(record.trials),
        troubles=story.troubles(record.trials),
        trial_table=trial_table(record),
        machine=story.machine_rows(info.machine),
        forms=[(verdict, _form_says(verdict), story.assumed(verdict)) for verdict in judged],
        chosen=story.chosen(info),
        repeats=story.repeats(info, store),
        answer=story.answer(experiment.prediction),
        here=answer.told(record, experiment.prediction),
        sources=[(source, web_address(source.url)) for source in experiment.source],
        lesson=markdown.render(lesson),
        levels=_factor_rows(record),
        words=story.WORDS,
    )


def verdict_view(verdict: Verdict, number: int) -> dict[str, Any]:
    """Returns what a template shows of a verdict; `number` tells its drawing from others on the page."""
    return {
        "it": verdict,
        "word": story.WORDS[verdict.verdict],
        "through": weather.came_about(verdict),
        "noise": weather.meant(verdict),
        "measured": verdicts.measured(verdict.evidence),
        "control_estimate": verdicts.estimate_text(verdict.control) if verdicts.drawable(verdict) else "",
        "control": story.control_says(verdict),
        "figure": verdicts.figure(verdict, f"verdict-{number}"),
    }


def ladders(views: Sequence[PacketView]) -> list[tuple[PacketView, Figure]]:
    """Returns the packet views that hold a packet, each with its drawing."""
    if not views:
        return []
    # Here, because numpy comes with it, which most reports don't need.
    from hinterland.packets.ladder import ladder

    found = []
    for number, view in enumerate(views, 1):
        drawn = ladder.figure(
            view.log,
            key=f"packets-{number}",
            caption=view.caption,
            rtt_ms=view.rtt_ms,
            start_ms=view.start_ms,
            end_ms=view.end_ms,
        )
        if drawn is not None:
            found.append((view, drawn))
    return found


def witnesses(judged: Sequence[Verdict]) -> list[tuple[str, list[Figure]]]:
    """Returns the drawn witnesses by heading: a claim with no violation was witnessed in its control."""
    found = []
    for number, verdict in enumerate(judged, 1):
        drawn = [witness.figure(each, f"witness-{number}-{k}") for k, each in enumerate(verdict.witnesses, 1)]
        figures = [figure for figure in drawn if figure is not None]
        if figures:
            of_control = verdict.evidence.tries > 0 and verdict.evidence.violations == 0
            heading = f"In the control of: {verdict.says}" if of_control else verdict.says
            found.append((heading, figures))
    return found


def trial_table(record: RunRecord) -> tuple[list[str], list[tuple[TrialResult, list[str]]]]:
    """Returns the heads and, trial by trial in the order they ran, the levels and metrics as texts."""
    experiment = record.info.experiment
    factors = [name for name in experiment.factor if any(name in trial.treatment for trial in record.trials)]
    metrics = [name for name in experiment.metric if any(name in t.outcome.metrics for t in record.trials)]
    heads = [samples.name_of(experiment, name) for name in (*factors, *metrics)]
    rows = []
    for trial in record.trials:
        cells = [samples.level_text(experiment, f, trial.treatment.get(f, "–")) for f in factors]
        cells += [numbers.quantity(trial.outcome.metrics.get(m), experiment.metric[m].unit) for m in metrics]
        rows.append((trial, cells))
    return heads, rows


def _factor_rows(record: RunRecord) -> list[tuple[str, str, str]]:
    """Returns each factor's name, the levels that ran, and what it sets."""
    experiment = record.info.experiment
    rows = []
    for name, factor in experiment.factor.items():
        ran = [samples.level_text(experiment, name, level) for level in samples.levels_of(record, name)]
        rows.append((samples.name_of(experiment, name), ", ".join(ran) or "none", factor.says))
    return rows


def web_address(url: str) -> str:
    """Returns the address if a reader may follow it (http or https), else an empty string."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def _form_says(verdict: Verdict) -> str:
    """Returns how a claim of this form is judged; nothing where the form is of another version."""
    form = forms().get(verdict.form)
    return form.SAYS if form else ""
