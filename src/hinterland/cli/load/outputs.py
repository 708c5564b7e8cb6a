"""The files that a load writes besides its record: refused before it starts where they can't be written."""

from __future__ import annotations

import os
from pathlib import Path

from hinterland.cli.load.option_groups import OutputOptions
from hinterland.cli.terminal.store import store_option
from hinterland.errors import SetupError, UsageError


def check_writable(output: OutputOptions) -> None:
    """Raises SetupError where a file can't be made, UsageError where two outputs are one file."""
    files = {
        "hdr": output.hdr,
        "operations": output.operations,
        "report": output.report,
        "junit": output.junit,
    }
    seen: dict[Path, str] = {}
    for name, file in files.items():
        if file is None:
            continue
        place = file.expanduser().absolute()
        if place in seen:
            raise UsageError(f"{seen[place]} and {name} both write {file}.", "Give them a file each.")
        seen[place] = name
        if why := unwritable(place):
            raise SetupError(
                f"{name}={file} can't be written: {why}.", "Give a file in a folder that exists and is yours."
            )


def unwritable(file: Path) -> str:
    """Returns why a file can't be made or written over; empty if it can."""
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"{file.parent} is not a folder"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "it is not yours to write"
    return ""


def write(name: str, file: Path, content: str | bytes) -> Path:
    """Writes a file of the person's choice and returns its absolute path. Raises SetupError."""
    place = file.expanduser().absolute()
    try:
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise SetupError(
            f"{name}={file} can't be written: {error.strerror or error}.",
            f"The load is in its record: hinterland report last{store_option()}",
        ) from error
    return place
