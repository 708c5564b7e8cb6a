"""A run as it goes on: a live view on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from hinterland.cli.run.progress import Progress, estimate_of, state_of, trials_lost
from hinterland.cli.terminal.output import VERDICT_SIGN, VERDICT_STYLE, coloured, duration
from hinterland.model.experiment import Experiment, label
from hinterland.model.run import RunEvent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

REFRESH_PER_S = 4
"""Often enough to look alive; the view costs a few milliseconds of a core each time."""


class OnEvent(Protocol):
    """Takes each event of a run as it happens."""

    def __call__(self, event: RunEvent) -> None: ...


@contextmanager
def watching(experiment: Experiment, *, quiet: bool = False, to_stderr: bool = False) -> Iterator[OnEvent]:
    """Yields what to hand to the runner: it draws on a terminal and prints lines elsewhere.

    With `to_stderr` stdout stays free for a document; progress then shows only if stderr is a terminal.
    The terminal is as it was when this ends, however it ends.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    progress = Progress(experiment)
    if quiet or (to_stderr and not stream.isatty()):
        yield lambda event: None
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.live import Live

        view = View(progress)
        colours: Literal["auto"] | None = "auto" if coloured(stream) else None
        console = Console(file=stream, highlight=False, color_system=colours)
        with Live(view, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
            # Left visible, so that a second Ctrl-C or SIGKILL leaves the terminal as it was.
            console.show_cursor(True)
            yield lambda event: ignore(progress.take(event, time.monotonic()))
    else:
        yield lambda event: print_lines(progress.take(event, time.monotonic()))


def print_lines(lines: list[str]) -> None:
    for line in lines:
        print(line, flush=True)


def ignore(_: list[str]) -> None:
    """The live view has drawn what these lines would say."""


class View:
    """Draws a `Progress` for rich, never higher or wider than the terminal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def __rich_console__(self, console: Console, _: object) -> Iterator[RenderableType]:
        from rich.text import Text

        # One line stays free, or the terminal scrolls at each refresh.
        room = max(4, console.height - 1)
        width, now_s = min(console.width, 100), time.monotonic()
        lines = [*self.head(width, now_s), *self.claims(width, whole=True), *self.tail(width)]
        if len(lines) > room:
            lines = [*self.head(width, now_s), *self.claims(width, whole=False), *self.tail(width)]
        if len(lines) > room:
            more = f"and {len(lines) - room + 1} lines more in a higher terminal"
            lines = [*lines[: room - 1], Text(more, style="dim")]
        yield from lines

    def head(self, width: int, now_s: float) -> Iterator[Text]:
        """Yields what runs and how far it is, each line at most `width` columns."""
        from rich.text import Text

        p = self.progress
        yield clipped(Text.assemble((p.experiment.id, "cyan"), "  ", (p.experiment.title, "bold")), width)
        yield clipped(Text(p.experiment.question, style="dim"), width)
        yield Text("")
        yield self.bar(width, now_s)
        trial = f"trial {min(p.done + 1, p.trials)} of {p.trials}" if p.trials else "starting"
        doing = f"  {p.doing}" if p.doing else ""
        yield clipped(Text.assemble(f"block {p.block or 1}, {trial}", (doing, "yellow")), width)
        treatment = label(dict(p.trial.treatment)) if p.trial else ""
        yield clipped(Text(f"  {treatment}", style="dim"), width)

    def claims(self, width: int, *, whole: bool) -> Iterator[Text]:
        """Yields each claim: state, estimate as it narrows, and its statement, clipped unless `whole`."""
        from rich.text import Text

        if whole:
            yield Text("")
        for claim in self.progress.experiment.claim:
            verdict = self.progress.verdicts.get(claim.id)
            word = state_of(verdict) if verdict else "undecided"
            style = VERDICT_STYLE[verdict.verdict] if verdict else "dim"
            sign = "·" if word == "undecided" else VERDICT_SIGN[word]
            found = estimate_of(verdict.evidence) if verdict else ""
            yield clipped(
                Text.assemble((f"{sign} {word:<10}", style), (claim.id, "bold"), f"  {found}"), width
            )
            rows = textwrap.wrap(claim.says, width - 2) if whole else [claim.says]
            for row in rows:
                yield clipped(Text(f"  {row}", style="dim"), width)

    def tail(self, width: int) -> Iterator[Text]:
        """Yields how many trials gave no evidence, and why."""
        from rich.text import Text

        p = self.progress
        if p.lost:
            lost = f"{trials_lost(p.lost)}, the last because: {p.last_cause}"
            yield clipped(Text(lost, style="yellow"), width)

    def bar(self, width: int, now_s: float) -> Text:
        """Returns the budget as a bar with the time left."""
        from rich.text import Text

        p = self.progress
        left_s = p.left_s(now_s)
        share = 1 - left_s / p.budget_s if p.budget_s else 0.0
        says = f"  at most {duration(left_s)} left" if p.run else "  preparing"
        room = max(10, width - len(says) - 1)
        filled = round(room * min(1.0, share))
        return Text.assemble(("━" * filled, "cyan"), ("━" * (room - filled), "dim"), says)


def clipped(text: Text, width: int) -> Text:
    """Returns the text on one line, cut with an ellipsis where it is too wide."""
    text.truncate(width, overflow="ellipsis")
    text.no_wrap = True
    return text
