"""`hinterland runs export RUN FILE` and `hinterland runs import FILE`: records between machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.terminal.options import RunName
from hinterland.cli.terminal.store import store_option
from hinterland.drawing import numbers
from hinterland.errors import UsageError
from hinterland.exchange import archive, taking
from hinterland.runner.record.folder import find
from hinterland.store import default_store


def export_run(
    run: RunName,
    file: Annotated[str, Parameter(name="FILE", help="A .zip or .tar.gz; default: RUN.zip here.")] = "",
    /,
) -> int:
    """Pack a run's record into one file, to be taken in elsewhere. The report and captures stay behind."""
    folder = find(default_store(), run)
    if folder.record().info.status == "running":
        raise UsageError(f"{folder.id} still goes on.", "Export it when it has ended.")
    path = Path(file).expanduser() if file else Path(f"{folder.id}.zip")
    size = archive.pack(folder.path, path)
    print(f"{path}  {numbers.quantity(float(size), 'bytes')}")
    return 0


def import_run(
    file: Annotated[str, Parameter(name="FILE", help="A .zip or .tar.gz with the record of one run.")],
    /,
) -> int:
    """Take in the record of a run of another machine: it is listed and shown, and never the last run."""
    path = Path(file).expanduser()
    taken = taking.take(default_store(), path, path.name)
    print(f"{taken.id}: {taken.title}")
    if taken.left_out:
        print(f"Left out, for no record has it: {', '.join(taken.left_out[:5])}")
    print(f"  hinterland report {taken.id.rpartition('-')[2]}{store_option()}")
    return 0
