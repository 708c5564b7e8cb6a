"""`hinterland report RUN`: the report of a run, here or as a web page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.run.command import print_report
from hinterland.cli.run.ending import document, open_in_browser, page, write_report
from hinterland.cli.terminal.options import Json, RunName
from hinterland.cli.terminal.output import print_json
from hinterland.errors import SetupError, UsageError
from hinterland.runner.record.folder import RunFolder
from hinterland.store import LOAD, default_store, find_folder


def report(
    run: RunName,
    /,
    *,
    html: Annotated[bool, Parameter(negative=(), help="Write report.html again and print its path.")] = False,
    text: Annotated[bool, Parameter(negative=(), help="Print it here (the default).")] = False,
    open: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(negative=(), help="Open it in a browser.")
    ] = False,
    output: Annotated[
        str,
        Parameter(
            metavar="FILE",
            # Or "-" could not be given.
            allow_leading_hyphen=True,
            help="Write the page to FILE instead; - is standard output.",
        ),
    ] = "",
    json: Json = False,
) -> int:
    """The report of a run or a load: printed here, written as one HTML file, or opened in a browser."""
    if json and (html or text or output):
        raise UsageError("--json prints the run as a document, so it can't be joined with another form.")
    if output.startswith("--"):
        raise UsageError(
            f"--output {output} must be a file.", "For example: --output page.html, or --output -"
        )
    folder = find_folder(default_store(), run)
    if (folder / LOAD).exists():
        return of_load(folder, html=html, text=text, output=output, json=json, in_browser=open)
    record = RunFolder(folder).record()
    if json:
        print_json(document(record))
        return 0
    if output == "-":
        sys.stdout.write(page(record))
        return 0
    if text or not (html or open or output):
        print_report(record)
    if not (html or open or output):
        return 0
    path = written(Path(output).expanduser(), page(record)) if output else write_report(record)
    print(path)
    if open:
        open_in_browser(path)
    return 0


def of_load(folder: Path, *, html: bool, text: bool, output: str, json: bool, in_browser: bool) -> int:
    """Does with the report of a load what was asked, as `report` does with that of a run."""
    from hinterland.cli.load import ending as load_ending
    from hinterland.cli.load.as_json import document as load_document
    from hinterland.load.record.folder import read

    record = read(folder)
    if json:
        print_json(load_document(record, load_ending.exit_status(record)))
        return 0
    if output == "-":
        sys.stdout.write(load_ending.page_of(record))
        return 0
    if text or not (html or in_browser or output):
        load_ending.print_summary(record)
    if not (html or in_browser or output):
        return 0
    path = (
        written(Path(output).expanduser(), load_ending.page_of(record))
        if output
        else load_ending.write_page(record)
    )
    print(path)
    if in_browser:
        open_in_browser(path)
    return 0


def written(path: Path, content: str) -> Path:
    """Writes the page to a file of the person's choice and returns its absolute path."""
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise SetupError(
            f"{path} can't be written: {error.strerror or error}.", "Give another file: --output FILE"
        ) from error
    return path.resolve()
