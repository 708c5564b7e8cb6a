"""What a finished load comes to for the command line: its exit status, its page, its summary."""

from __future__ import annotations

import sys
from pathlib import Path

from hinterland import errors
from hinterland.cli.terminal.output import heading, paint, width
from hinterland.cli.terminal.store import store_option
from hinterland.load.result.record import LoadRecord
from hinterland.store import explained, replace_file

CAPACITY_STATUS = {"decided": errors.HOLDS, "always_held": errors.HOLDS, "never_held": errors.REFUTED}


def exit_status(record: LoadRecord) -> int:
    """Returns 0; 1 if an assertion failed; 2 where nothing can be said; 130 if it was cut short."""
    if record.status == "interrupted":
        # Nobody interrupted it where a process of the generator failed.
        failed = record.result is not None and record.result.partial not in ("", "interrupted")
        return errors.INCONCLUSIVE if failed else errors.INTERRUPTED
    if record.capacity is not None:
        return CAPACITY_STATUS.get(record.capacity.ended, errors.INCONCLUSIVE)
    result = record.result
    words = {one.verdict for one in record.asserted}
    if "failed" in words:
        return errors.REFUTED
    if result is None or not result.answered or (result.generator.faults and not words):
        return errors.INCONCLUSIVE
    return errors.INCONCLUSIVE if "undecided" in words else errors.HOLDS


def page_of(record: LoadRecord) -> str:
    """Returns the load as one HTML file."""
    from hinterland.load.report import page as load_page

    return load_page.render(record)


def write_page(record: LoadRecord) -> Path:
    """Writes report.html into the load's folder whole and returns its path."""
    path = Path(record.folder) / "report.html"
    with explained(path.parent):
        replace_file(path, page_of(record).encode())
    return path


def print_summary(record: LoadRecord) -> None:
    """Prints what a load came to, and where its page is."""
    from hinterland.load.report.summary import lines
    from hinterland.report.terminal import TO_ASCII

    table = {**TO_ASCII, ord("✓"): "+", ord("✗"): "x"}
    plain = not _encodes("█▶│µ✓")
    for text, style in lines(record, width=width()):
        shown = text.translate(table).encode("ascii", "replace").decode() if plain else text
        print(heading(shown) if style == "bold" else paint(shown, style) if style else shown)
    print(paint(f"\nReport: {record.folder}/report.html", "dim"))
    print(f"  hinterland report {record.id.rpartition('-')[2]} --open{store_option()}")


def _encodes(text: str) -> bool:
    """Decides whether standard output can carry a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
