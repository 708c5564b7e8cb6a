"""A lesson in its sections: what may be read before the run, and what gives its answer away."""

from __future__ import annotations

import re
from pathlib import Path

from hinterland.model.experiment import Experiment
from hinterland.report import markdown

BEFORE = ("The question", "Before you run", "What runs")
"""The sections that a page may have before its reader has predicted; all others wait."""


def sections(experiment: Experiment) -> dict[str, str]:
    """Returns the lesson's sections as Markdown, by heading; empty where the lesson can't be read."""
    try:
        text = (Path(experiment.folder) / "lesson.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return {heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def before(experiment: Experiment) -> list[tuple[str, str]]:
    """Returns headings and HTML of what gives nothing away."""
    found = sections(experiment)
    return [(heading, markdown.render(found[heading])) for heading in BEFORE if heading in found]


def after(experiment: Experiment) -> list[tuple[str, str]]:
    """Returns headings and HTML of the rest."""
    return [
        (heading, markdown.render(body))
        for heading, body in sections(experiment).items()
        if heading not in BEFORE
    ]
