"""Rules that several options of a load share."""

from __future__ import annotations

from pathlib import Path

from hinterland.errors import UsageError


def together(first: str, given: object, second: str, also: object) -> None:
    """Raises UsageError where both options are given."""
    if given is not None and also is not None:
        raise UsageError(f"{first} and {second} can't stand together.", "Give one of them.")


def file_of(name: str, path: str | Path | None) -> str:
    """Returns the absolute path of a file that can be read, empty for none. Raises UsageError."""
    if path is None:
        return ""
    file = Path(path).expanduser().absolute()
    try:
        with file.open("rb"):
            return str(file)
    except OSError as error:
        raise UsageError(
            f"{name}={path} can't be read: {error.strerror or error}.", "Give a file of yours."
        ) from error


def examine_body(name: str, body: str) -> None:
    """Raises UsageError for a body that names a file, as other tools write it: the name would be sent."""
    if body.startswith("@") and len(body.split()) == 1:
        raise UsageError(
            f"{name}={body} would be sent as that text, not as the file.",
            f"Give the file as body-file: {body[1:]}",
        )
