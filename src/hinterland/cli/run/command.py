"""`hinterland run ID`: one experiment, live, with its verdicts and its report."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland import catalogue
from hinterland.cli.run.ending import document, exit_status, open_in_browser, write_report
from hinterland.cli.run.live import watching
from hinterland.cli.run.said import said_before
from hinterland.cli.terminal.bug import bug
from hinterland.cli.terminal.options import ExperimentId, Json, at_least_one, known_runs, seconds
from hinterland.cli.terminal.output import coloured, print_json, width, wrapped
from hinterland.cli.terminal.store import store_option
from hinterland.errors import HinterlandError
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunEvent, RunRecord, RunStarted
from hinterland.runner import plan
from hinterland.runner.run import RunOptions, run_experiment
from hinterland.store import default_store


def run(
    experiment_id: ExperimentId,
    /,
    *,
    set: Annotated[  # noqa: A002 - the option's name
        tuple[str, ...],
        Parameter(metavar="FACTOR=LEVEL,..", negative=(), help="Levels to run instead; may be given again."),
    ] = (),
    budget: Annotated[
        str | None, Parameter(metavar="TIME", help="At most this long: 30s, 2m or 90 (seconds).")
    ] = None,
    patience: Annotated[
        str | None,
        Parameter(metavar="TIME", help="So much longer where noise keeps claims open."),
    ] = None,
    blocks: Annotated[
        int | None, Parameter(metavar="N", help="Exactly N blocks, whatever they show.")
    ] = None,
    seed: Annotated[int | None, Parameter(metavar="N", help="Of the random order and of each trial.")] = None,
    like: Annotated[
        str | None, Parameter(metavar="RUN", help="Repeat that run's trials exactly.", completer=known_runs)
    ] = None,
    pcap: Annotated[
        bool, Parameter(negative=(), help="Keep each link's packets as pcap files in the run's folder.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, Parameter(negative=(), help="No progress, only the verdicts.")] = False,
    open: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(negative=(), help="Open the report in a browser.")
    ] = False,
) -> int:
    """Run one experiment: live progress, then a verdict for each claim and a report.

    Exit status: 0 the claims hold, 1 one is refuted, 2 inconclusive, 130 interrupted.
    """
    experiment = catalogue.find(experiment_id)
    options = RunOptions(
        set=plan.settings(experiment, set),
        budget_s=seconds(budget) if budget is not None else None,
        patience_s=seconds(patience, "patience") if patience is not None else 0.0,
        blocks=at_least_one("blocks", blocks),
        seed=seed,
        like=like,
        store=default_store(),
        pcap=pcap,
    )
    record = watched_run(experiment, options, quiet=quiet, json=json)
    path = write_report(record)
    if json:
        print_json(document(record))
    else:
        print_report(record)
        said = said_before(record, default_store())
        if said:
            print(wrapped(said))
    if open:
        open_in_browser(path)
    return exit_status(record)


def watched_run(
    experiment: Experiment, options: RunOptions, *, quiet: bool = False, json: bool = False
) -> RunRecord:
    """Runs the experiment with progress on the terminal and returns its record.

    Raises InternalError, which says where the record is, for an error that none of our rules foresaw.
    """
    store = options.store or default_store()
    folder: list[Path] = []
    gone: list[OSError] = []
    with watching(experiment, quiet=quiet, to_stderr=json) as on_event:

        def take(event: RunEvent) -> None:
            if isinstance(event, RunStarted):
                folder.append(store / event.run)
            if gone:
                return
            try:
                on_event(event)
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.EIO):
                    raise
                # Nobody watches any more (`| head`, a closed terminal): as good as Ctrl-C.
                gone.append(error)
                raise KeyboardInterrupt from error

        try:
            return run_experiment(experiment, options, take)
        except HinterlandError:
            raise
        except Exception as error:
            raise bug(error, folder[0] if folder else None) from error


def print_report(record: RunRecord) -> None:
    """Prints the record's report, coloured only where colour is wanted."""
    from rich.console import Console

    from hinterland.report import terminal

    console = Console(width=width(), color_system="auto" if coloured() else None, highlight=False)
    console.print(terminal.render(record, width=width(), store=store_option()))
