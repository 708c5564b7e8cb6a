"""`hinterland report RUN`: the report of a run, here or as a web page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.ending import document, open_in_browser, page, write_report
from hinterland.cli.options import Json, RunName
from hinterland.cli.output import print_json
from hinterland.cli.run import print_report
from hinterland.errors import SetupError, UsageError
from hinterland.runner.record import default_store, load


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
    """The report of a run: printed here, written as one HTML file, or opened in a browser."""
    if json and (html or text or output):
        raise UsageError("--json prints the run as a document, so it can't be joined with another form.")
    if output.startswith("--"):
        raise UsageError(
            f"--output {output} must be a file.", "For example: --output page.html, or --output -"
        )
    record = load(default_store(), run)
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


def written(path: Path, content: str) -> Path:
    """Writes the page to a file of the person's choice and returns its absolute path."""
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise SetupError(
            f"{path} can't be written: {error.strerror or error}.", "Give another file: --output FILE"
        ) from error
    return path.resolve()
