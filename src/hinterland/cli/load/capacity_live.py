"""A search for capacity as it goes on: each probe as it ends, and the one under way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from hinterland.cli.load.live import Watch, until_gone
from hinterland.cli.run.live import REFRESH_PER_S, clipped
from hinterland.cli.terminal.output import coloured
from hinterland.drawing.numbers import quantity
from hinterland.load.plan.plan import LoadPlan, Objective
from hinterland.load.report.percentiles import NO_ANSWER, shown
from hinterland.load.report.words import protocol_says, rate_text
from hinterland.load.result.capacity import CapacityPoint, CapacityResult
from hinterland.load.result.result import LoadResult

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

CapacityWatch = Callable[[CapacityResult], None]
MOST_PROBES = 12
STYLES = {"holds": "green", "breaks": "red", "not counted": "yellow"}


@contextmanager
def searching(
    plan: LoadPlan, objective: Objective, *, quiet: bool = False, lines: bool = False, to_stderr: bool = False
) -> Iterator[tuple[CapacityWatch | None, Watch | None]]:
    """Yields what the search calls after each probe, and during it; None where nothing is shown."""
    stream = sys.stderr if to_stderr else sys.stdout
    says = f"{plan.target.url}  searching the highest rate at which {objective.text} holds"
    if quiet or (to_stderr and not stream.isatty()):
        yield None, None
    elif stream.isatty() and not lines and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.live import Live

        view = SearchView(plan, objective)
        colours: Literal["auto"] | None = "auto" if coloured(stream) else None
        console = Console(file=stream, highlight=False, color_system=colours)
        with Live(view, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
            console.show_cursor(True)
            yield view.take, view.take_load
    else:
        told: list[CapacityPoint] = []

        def tell(found: CapacityResult) -> None:
            if not told:
                print(says, HEADS, sep="\n", file=stream, flush=True)
            # They come in order of rate, each time all of them.
            for point in found.points:
                if point not in told:
                    told.append(point)
                    print(probe_line(point), file=stream, flush=True)

        yield until_gone(tell), None


class SearchView:
    """Draws a search for rich: the probes so far in order of rate, and the one under way."""

    def __init__(self, plan: LoadPlan, objective: Objective) -> None:
        self.plan, self.objective = plan, objective
        self.found: CapacityResult | None = None
        self.load: LoadResult | None = None

    def take(self, found: CapacityResult) -> None:
        """Takes in what is known after a probe."""
        self.found, self.load = found, None

    def take_load(self, load: LoadResult) -> None:
        """Takes in what is known of the probe under way."""
        self.load = load

    def __rich_console__(self, console: Console, _: object) -> Iterator[RenderableType]:
        from rich.text import Text

        width = min(console.width, 100)
        points = self.found.points if self.found is not None else ()
        rows = [
            Text.assemble((self.plan.target.url, "cyan"), f"  {protocol_says(self.plan.target)}"),
            Text(f"Open loop: the highest rate at which {self.objective.text} holds."),
            Text(""),
            *([Text(HEADS, style="dim")] if points else []),
            *(Text(probe_line(point), style=STYLES[word_of(point)]) for point in points[-MOST_PROBES:]),
            Text(""),
            Text(self.found.says if self.found is not None else "", style="bold"),
            Text(under_way(self.load), style="dim"),
        ]
        yield from (clipped(row, width) for row in rows[: max(4, console.height - 1)])


HEADS = f"{'asked':>10} {'reached':>10} {'p50':>11} {'p99':>11} {'beyond':>9}"


def word_of(point: CapacityPoint) -> str:
    """Returns what a probe showed: `holds`, `breaks` or `not counted`."""
    if not point.counted:
        return "not counted"
    return "holds" if point.held else "breaks"


def probe_line(point: CapacityPoint) -> str:
    """Returns a probe as a row under `HEADS`."""
    times = (NO_ANSWER if time is None else quantity(time, "s") for time in (point.p50_s, point.p99_s))
    columns = " ".join(f"{text:>11}" for text in times)
    beyond = quantity(point.beyond, "share")
    rates = " ".join(f"{rate_text(rate):>10}" for rate in (point.asked_per_s, point.reached_per_s))
    return f"{rates} {columns} {beyond:>9}  {word_of(point)}"


def under_way(load: LoadResult | None) -> str:
    """Returns the probe under way in a line."""
    if load is None:
        return "between two probes"
    times = "  ".join(f"{one.name} {one.says}" for one in shown(load.response, (0.5, 0.99)))
    return f"now {rate_text(load.plan.arrivals.rate_per_s)}: {rate_text(load.reached_per_s)} reached  {times}"
