"""A record as one file, a .zip or a .tar.gz: written whole, and unpacked without trusting it.

What unpacks is counted byte by byte, whatever the archive says of itself. A name that leads out of the
folder, a link or a device refuses the whole archive; a file that is no part of a record is left out.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from hinterland.errors import UsageError
from hinterland.store import explained

LARGEST_ARCHIVE = 64 << 20
MOST_BYTES = 256 << 20
MOST_FILES = 20_000
LONGEST_NAME = 200
PIECE = 1 << 16
PARTS = ("run.json", "events.jsonl", "verdicts.json")
FOLDERS = {"histories": ".json", "operations": ".parquet", "packets": ".parquet"}
"""What a record is made of: files, and folders of files with an ending. Reports and captures stay behind."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class Member(NamedTuple):
    """A file of an archive: its name in it, and its content. `is_file`: no link, no device, no folder."""

    name: str
    is_file: bool
    is_folder: bool
    content: IO[bytes] | None


def pack(folder: Path, path: Path) -> int:
    """Writes a run's record as an archive, a .tar.gz or else a .zip, and returns its size in bytes.

    Raises UsageError where that can't be told from the name, SetupError where it can't be written.
    """
    if not path.name.endswith((".zip", ".tar.gz", ".tgz")):
        raise UsageError(f"{path.name} must end in .zip or .tar.gz.", f"For example: {folder.name}.zip")
    if path.exists():
        raise UsageError(f"{path} is there already.", "Give another name, or remove it.")
    part = path.with_name(f".{path.name}.part")
    with explained(path.parent):
        try:
            if path.name.endswith(".zip"):
                with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                    for file in files_of(folder):
                        archive.write(file, f"{folder.name}/{file.relative_to(folder)}")
            else:
                with tarfile.open(part, "w:gz") as archive:
                    for file in files_of(folder):
                        archive.add(file, f"{folder.name}/{file.relative_to(folder)}", recursive=False)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path.stat().st_size


def files_of(folder: Path) -> list[Path]:
    """Returns the files of a record, the smallest that tell most first."""
    found = [folder / name for name in PARTS]
    found += [file for name in FOLDERS for file in sorted((folder / name).glob("*"))]
    return [file for file in found if file.is_file() and is_part(file.relative_to(folder).parts)]


def is_part(parts: tuple[str, ...]) -> bool:
    """Decides whether a path is that of a file of a record."""
    if len(parts) == 1:
        return parts[0] in PARTS
    if len(parts) != 2 or parts[0] not in FOLDERS or len(parts[1]) > LONGEST_NAME:
        return False
    return parts[1].endswith(FOLDERS[parts[0]]) and bool(NAME.match(parts[1]))


def unpack(path: Path, into: Path) -> list[str]:
    """Unpacks a record into a new folder and returns the names that were left out.

    Raises UsageError for what is no archive, is cut short, is too large, or wants to go elsewhere.
    """
    try:
        return _unpack(path, into)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(
            f"The archive can't be read: {error or 'it is cut short'}.", "Fetch it again."
        ) from error
    except (NotImplementedError, RuntimeError, UnicodeError, ValueError) as error:
        raise UsageError(f"The archive can't be read: {error}.", "Pack it as a plain .zip.") from error


def _unpack(path: Path, into: Path) -> list[str]:
    left_out, count, room = list[str](), 0, MOST_BYTES
    for member in _members(path):
        count += 1
        if count > MOST_FILES:
            raise UsageError(f"The archive has more than {MOST_FILES} files: no record has.", "")
        parts = _inside(member.name)
        if member.is_folder:
            continue
        if not member.is_file or member.content is None:
            raise UsageError(f"The archive holds a link or a device, {_shown(member.name)}: no record does.")
        # Packed with the folder around it, as export does, or without.
        inner = next((each for each in (parts, parts[1:]) if is_part(each)), None)
        if inner is None:
            left_out.append(_shown(member.name))
            continue
        room -= _copy(member.content, into.joinpath(*inner), room)
    return left_out


def _members(path: Path) -> Iterator[Member]:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        yield from _of_tar(path)
    elif start in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _of_zip(path)
    else:
        raise UsageError(
            "This is neither a .zip nor a .tar.gz.", "Make one with: hinterland runs export RUN FILE.zip"
        )


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.flag_bits & 1:
                raise UsageError("The archive is encrypted.", "Pack it without a password.")
            # The name as it was written: the library cuts it at a NUL.
            name = info.orig_filename
            if info.is_dir():
                yield Member(name, False, kind in (0, stat.S_IFDIR), None)
            elif kind not in (0, stat.S_IFREG):
                yield Member(name, False, False, None)
            else:
                with archive.open(info) as content:
                    yield Member(name, True, False, content)


def _of_tar(path: Path) -> Iterator[Member]:
    with _Counted(path) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            content = archive.extractfile(info) if info.isreg() else None
            yield Member(info.name, info.isreg(), info.isdir(), content)


class _Counted(gzip.GzipFile):
    """Reads on until more came out than a record may hold: a header, too, may claim to be endless."""

    room = MOST_BYTES

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.room:
            raise too_large()
        piece = super().read(size)
        self.room -= len(piece)
        return piece


def _inside(name: str) -> tuple[str, ...]:
    """Returns the parts of a name. Raises UsageError for one that leads out of the folder."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    unsafe = name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in name
    if unsafe or not parts or len(name) > 4 * LONGEST_NAME:
        raise UsageError(
            f"The archive has a file with the path {_shown(name)}, which leads out of its folder."
        )
    return parts


def _copy(content: IO[bytes], path: Path, room: int) -> int:
    """Copies a file and returns its size. Raises UsageError for one that is there, or beyond the room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise UsageError(f"The archive has {path.name} twice: it must hold one record.") from None
    size = 0
    with os.fdopen(file, "wb") as out:
        while piece := content.read(PIECE):
            size += len(piece)
            if size > room:
                raise too_large()
            out.write(piece)
    return size


def too_large() -> UsageError:
    return UsageError(f"The archive unpacks to more than {MOST_BYTES >> 20} MiB: that is no record.")


def _shown(name: str) -> str:
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return text if len(text) <= 80 else f"{text[:79]}…"
