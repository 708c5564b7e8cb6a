"""What is asked for most and needs no parser: the first page of help, the version, the list.

Building the parser takes several times as long as Python itself. Exactly these words are answered here; all
others, and all options, are the parser's. That both answer alike is tested.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from hinterland.cli.terminal.output import heading, paint
from hinterland.cli.verbs import EVERYWHERE_OPTIONS, EXAMPLES, SUMMARY, VERBS, version

WIDEST = 100


def answer(arguments: Sequence[str]) -> int | None:
    """Prints the answer and returns the exit status; None where it is the parser's to answer."""
    match tuple(arguments):
        case () | ("--help",) | ("-h",):
            print("\n".join(overview(shutil.get_terminal_size((80, 24)).columns)))
            return 0
        case ("--version",):
            print(version())
            return 0
        case ("list",) | ("list", "--json"):
            from hinterland.cli.atlas.listing import print_list

            return print_list(json="--json" in arguments)
    return None


def overview(columns: int) -> Iterator[str]:
    """Yields the lines of the first page of help, as `help_page` draws it."""
    columns = min(columns, WIDEST)
    yield "Usage: hinterland VERB ..."
    yield ""
    yield textwrap.fill(SUMMARY, columns)
    panels = [(title, [(name, says) for name, _, says in verbs]) for title, verbs in VERBS.items()]
    for title, entries in (*panels, ("Everywhere", list(EVERYWHERE_OPTIONS))):
        column = max(len(label) for label, _ in entries)
        yield ""
        yield heading(title)
        for label, says in entries:
            first, *rest = textwrap.wrap(says, max(20, columns - column - 4))
            yield f"  {paint(label.ljust(column), 'cyan')}  {first}"
            yield from (" " * (column + 4) + line for line in rest)
    yield ""
    yield from EXAMPLES.splitlines()
