"""Archives as nobody should send them, each made by hand from a sound record."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Files = dict[str, bytes]


def files_of(record: Path) -> Files:
    """Returns a record's files by their names in an archive."""
    return {
        f"{record.name}/{path.relative_to(record)}": path.read_bytes()
        for path in sorted(record.rglob("*"))
        if path.is_file()
    }


def zipped(path: Path, files: Files, extra: Callable[[zipfile.ZipFile], None] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if extra is not None:
            with warnings.catch_warnings(action="ignore"):
                extra(archive)
    return path


def tarred(path: Path, files: Files, *others: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in others:
            archive.addfile(info)
    return path


def changed(files: Files, name: str, change: Callable[[Any], None]) -> Files:
    """Returns the files with one JSON document changed."""
    [full] = [each for each in files if each.endswith(name)]
    value = json.loads(files[full])
    change(value)
    return files | {full: json.dumps(value).encode()}


def event_changed(files: Files, change: Callable[[dict[str, Any]], None]) -> Files:
    """Returns the files with the first finished trial changed."""
    [name] = [each for each in files if each.endswith("events.jsonl")]
    lines = [json.loads(line) for line in files[name].splitlines()]
    change(next(line["result"] for line in lines if line["type"] == "trial_finished"))
    return files | {name: b"".join(json.dumps(line).encode() + b"\n" for line in lines)}


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def symlink_in_zip(name: str, target: str) -> Callable[[zipfile.ZipFile], None]:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return lambda archive: archive.writestr(info, target)


def endless_header(path: Path) -> Path:
    """A tar whose extended header says that it has 8 GiB, of which gzip packs a lot into little."""
    info = tarfile.TarInfo("r/run.json")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(272):
            file.write(bytes(1 << 20))
    return path
