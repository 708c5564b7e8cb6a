"""A load as it goes on: a live view on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from hinterland.cli.run.live import REFRESH_PER_S, clipped
from hinterland.cli.terminal.output import coloured
from hinterland.drawing.numbers import quantity
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.report.percentiles import shown
from hinterland.load.report.words import (
    asked_says,
    capital,
    errors_say,
    lateness_says,
    model_says,
    not_opened_say,
    protocol_says,
    rate_text,
    schedulers_say,
)
from hinterland.load.result.result import LoadResult
from hinterland.report.terminal import SPARKS
from hinterland.statistics.counts import Counts

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

T = TypeVar("T")
Watch = Callable[[LoadResult], None]
SHARES = (0.5, 0.9, 0.99, 0.999)
LABEL = 13
EVERY_S, OFTEN_UNTIL_S, SELDOM_S = 1.0, 10.0, 10.0
"""Where there is no live view, a line a second at first, then one every ten: an hour fills no log."""


@contextmanager
def watching(
    plan: LoadPlan, *, quiet: bool = False, lines: bool = False, to_stderr: bool = False
) -> Iterator[Watch | None]:
    """Yields what to hand to the engine; None where nothing is to be shown.

    With `to_stderr` stdout stays free for a document; progress then shows only if stderr is a terminal.
    With `lines` a terminal gets lines, too. The terminal is as it was when this ends, however it ends.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    if quiet or (to_stderr and not stream.isatty()):
        yield None
    elif stream.isatty() and not lines and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.live import Live

        view = View(plan)
        colours: Literal["auto"] | None = "auto" if coloured(stream) else None
        console = Console(file=stream, highlight=False, color_system=colours)
        with Live(view, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
            # Left visible, so that a second Ctrl-C or SIGKILL leaves the terminal as it was.
            console.show_cursor(True)
            yield view.take
    else:
        told = Lines(plan)

        def tell(result: LoadResult) -> None:
            for line in told.take(result, time.monotonic()):
                print(line, file=stream, flush=True)

        yield until_gone(tell)


def until_gone(watch: Callable[[T], None]) -> Callable[[T], None]:
    """Returns `watch` made to end the load, as Ctrl-C would, once nobody reads what it prints."""
    gone: list[OSError] = []

    def take(result: T) -> None:
        if gone:
            return
        try:
            watch(result)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            gone.append(error)
            if (task := asyncio.current_task()) is not None:
                task.cancel()

    return take


class Lines:
    """What is printed of a load where there is no live view. Pure: the clock is an argument."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self._began_s: float | None = None
        self._told_s = 0.0

    def take(self, result: LoadResult, now_s: float) -> list[str]:
        """Returns a line about the load so far, if one is due."""
        if self._began_s is None:
            # Not before: a load that is refused has not begun.
            self._began_s = now_s
            return [f"{self.plan.target.url}  {model_says(self.plan)}"]
        passed_s = now_s - self._began_s
        every_s = EVERY_S if passed_s <= OFTEN_UNTIL_S else SELDOM_S
        if passed_s - self._told_s < every_s - 0.05:
            return []
        self._told_s = passed_s
        return [line(self.plan, result, passed_s)]


def line(plan: LoadPlan, result: LoadResult, passed_s: float) -> str:
    """Returns a load so far in a line: time, rate, percentiles, errors."""
    clock = f"{passed_s:>4.0f} s"
    if passed_s < plan.warm_up_s:
        return f"{clock}  warming up"
    asked = asked_says(result)
    asked = f" of {asked.split()[0]}" if asked and "visits" not in asked else ""
    times = [f"{one.name} {one.says}" for one in shown(result.response, (0.5, 0.99, 0.999))]
    failed = sum(result.errors.values())
    return "  ".join([clock, f"{rate_text(result.reached_per_s)}{asked}", *times, f"errors {failed:,}"])


class View:
    """Draws a load for rich, never wider than the terminal."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.result: LoadResult | None = None
        self.began_s = 0.0

    def take(self, result: LoadResult) -> None:
        """Brings the view up to date."""
        if self.result is None:
            self.began_s = time.monotonic()
        self.result = result

    def __rich_console__(self, console: Console, _: object) -> Iterator[RenderableType]:
        from rich.text import Text

        width = min(console.width, 100)
        room = max(4, console.height - 1)
        passed_s = time.monotonic() - self.began_s if self.result is not None else 0.0
        rows = [
            Text.assemble((self.plan.target.url, "cyan"), f"  {protocol_says(self.plan.target)}"),
            Text(f"{capital(model_says(self.plan))}."),
            self.bar(width, passed_s),
            *(
                Text.assemble((f"{label:<{LABEL}}", "dim"), (text, style))
                for label, text, style in self.rows(width)
            ),
        ]
        yield from (clipped(row, width) for row in rows[:room])

    def bar(self, width: int, passed_s: float) -> Text:
        """Returns how far the load is, as a bar."""
        from rich.text import Text

        share, says = progress(self.plan, self.result, passed_s)
        room = max(10, width - len(says) - 2)
        filled = round(room * min(1.0, share))
        return Text.assemble(("━" * filled, "cyan"), ("━" * (room - filled), "dim"), f"  {says}")

    def rows(self, width: int) -> Iterator[tuple[str, str, str]]:
        """Yields (label, text, style) of what is known by now."""
        result = self.result
        if result is None or not result.operations:
            yield ("", "starting", "dim")
            return
        asked = asked_says(result)
        between = "" if not asked else ", " if "visits" in asked else " of "
        reached = f"{rate_text(result.reached_per_s)}{between}{asked}"
        spark = sparkline([one.completed for one in result.seconds[:-1]], width - LABEL - len(reached) - 3)
        yield ("reached", f"{reached}   {spark}".rstrip(), "")
        yield ("response", times_say(result.response), "")
        yield ("service", times_say(result.service), "dim")
        failed = bool(result.errors)
        yield ("errors", errors_say(result.errors, result.operations), "red" if failed else "")
        if result.open_errors:
            yield ("", f"not opened: {not_opened_say(result)}", "red")
        opened = f"{result.connections_opened:,} opened"
        yield ("connections", f"{opened}, {result.generator.in_flight_mean:.3g} operations under way", "")
        late = lateness_says(result)
        parts = [schedulers_say(result), f"late {late}" if late else ""]
        yield ("generator", ", ".join(filter(None, parts)) or "–", "dim")


def progress(plan: LoadPlan, result: LoadResult | None, passed_s: float) -> tuple[float, str]:
    """Returns the share of a load that is done, 0 to 1, and that in words."""
    if result is None:
        return 0.0, ""
    if plan.count is not None:
        return result.operations / plan.count, f"{result.operations:,} of {plan.count:,}"
    if plan.model == "open" and plan.arrivals.shape == "trace":
        return 0.0, f"{passed_s:.0f} s"
    whole_s = plan.warm_up_s + plan.duration_s
    if passed_s < plan.warm_up_s:
        return passed_s / whole_s, f"warming up, {passed_s:.0f} of {quantity(plan.warm_up_s, 's')}"
    done_s = passed_s - plan.warm_up_s
    if done_s > plan.duration_s:
        return 1.0, "waiting for the last answers"
    return passed_s / whole_s, f"{done_s:.0f} of {quantity(plan.duration_s, 's')}"


def times_say(counts: Counts) -> str:
    """Returns the percentiles that are known by now, sharpening as more operations stand behind them."""
    known = {one.share: one for one in shown(counts, SHARES)}
    parts = [f"p{100 * share:g} {known[share].says if share in known else '–'}" for share in SHARES]
    longest = quantity(counts.most_ns / 1e9, "s") if counts.most_ns else "–"
    return "  ".join([*parts, f"slowest {longest}"])


def sparkline(values: list[int], room: int) -> str:
    """Returns the last values as one row of small bars, from zero."""
    shown_values = values[-max(room, 0) :] if room > 0 else []
    most = max(shown_values, default=0)
    if len(shown_values) < 2 or not most:
        return ""
    return "".join(
        SPARKS[min(len(SPARKS) - 1, int(value / most * (len(SPARKS) - 1) + 0.5))] for value in shown_values
    )
