"""What to say about an error that none of our rules foresaw: it is ours, not the person's."""

from __future__ import annotations

from pathlib import Path

from hinterland.errors import InternalError


def bug(error: Exception, record: Path | None = None) -> InternalError:
    """Returns an InternalError: what it is, where it arose, where the record is and how to report it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" in {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    kept = f"The record so far is {record}\n  " if record else ""
    return InternalError(
        f"This is a bug in Hinterland: {type(error).__name__}: {error}{where}",
        f"{kept}Repeat it with HINTERLAND_DEBUG=1 in the environment and report what it prints.",
    )
