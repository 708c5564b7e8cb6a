"""Which verbs there are, and what the first page of help says. Nothing is imported to know this.

Every verb is named by its import path, so that `--help` and `list` import no other verb.
"""

from __future__ import annotations

SUMMARY = "An atlas of backend engineering that you can run: claims that can fail, on real parts."
EXAMPLES = """\
Examples:
  hinterland list
  hinterland run apis/idempotency
  hinterland run storage/read_write_ratio --set read_ratio=0.5,0.95 --budget 30s
  hinterland report last --open
"""

VERBS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Experiments": (
        ("list", "atlas.list:list_experiments", "The experiments, by region, and what this machine can run."),
        ("show", "atlas.show:show_experiment", "One experiment: its question, factors, claims and sources."),
        ("run", "run.command:run", "Run one experiment: live progress, a verdict for each claim, a report."),
        ("serve", "atlas.serve:serve", "The atlas in a browser: predict, run, see."),
        ("tour", "atlas.tour:tour", "Run one of each region, or all, and say what was learned."),
    ),
    "Past runs": (
        ("runs", "kept.runs:runs", "The runs and loads on disk, newest first."),
        ("report", "kept.report:report", "The report of a run or a load, here or as a web page."),
        ("recheck", "kept.recheck:recheck", "Judge a run again from its files alone."),
    ),
    "Instruments": (
        ("load", "load.command:load", "Drive a load: latency from the moment each request was due."),
        (
            "link",
            "link.command:link",
            "Run any command behind a link with delay, loss and rate, with no root.",
        ),
    ),
    "This machine and you": (
        ("doctor", "doctor:doctor", "What is here, what is missing, and what that would unlock."),
        ("new", "atlas.new:new", "Start an experiment of your own that passes its own tests."),
        ("completion", "completion:completion", "The completion script for your shell."),
    ),
}
"""Groups of verbs: (name, function in `hinterland.cli`, one line of help)."""

EVERYWHERE_OPTIONS = (
    ("--store DIR", "Where runs are kept (HINTERLAND_STORE; else ~/.local/state/hinterland/runs)."),
    ("--no-color", "Plain text (also: NO_COLOR, or output to a file)."),
    ("--help, -h", "Display this message and exit."),
    ("--version", "Display application version."),
)
"""The options that all verbs share: (how they are written, what they do)."""


def version() -> str:
    """Returns `hinterland 0.1.0`."""
    from hinterland.package import VERSION

    return f"hinterland {VERSION}"
