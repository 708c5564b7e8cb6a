"""A service's data folder: made once a run as a template, like it again for each start.

The first start gets a copy. When its trial has ended the folder is laid aside, and the next start gets it
renewed in place: whatever was written since is as in the template again, the rest stays. That is not only
less to write. ext4 doesn't use the numbers of deleted files again for a while, and looks past each of them
when it makes one: copies of 1000 files, made while the last ones are being deleted, take several times as
long as one copy does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from hinterland.errors import SystemFailure


def fresh(template: Path, target: Path, aside: Path) -> None:
    """Makes the folder `target` like `template`, from what `lay_aside` left in `aside` if there is that."""
    try:
        aside.rename(target)
    except OSError:
        copy(template, target)
    else:
        renew(template, target)


def lay_aside(folder: Path, aside: Path) -> None:
    """Keeps a folder that nobody uses any more for the next start, unless the filesystem can't move it."""
    with contextlib.suppress(OSError):
        folder.rename(aside)


def copy(template: Path, target: Path) -> None:
    """Copies a folder with owners, modes and times, sharing blocks where the filesystem can."""
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", str(template), str(target)], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise SystemFailure(
            f"{target}: the data folder can't be copied.",
            "See that the temporary folder has room: df -h /tmp",
            log=tuple(done.stderr.decode(errors="replace").splitlines()[-5:]),
        )


def renew(template: Path, target: Path) -> None:
    """Makes a folder that was once a copy like its template again.

    A file whose size, mode, owner and moment of writing are the template's has not been written since: the
    template is older than any start. What is not in the template goes.
    """
    wanted, kept = _entries(template), {}
    for name, entry in _entries(target).items():
        if name in wanted and _kind(wanted[name]) == _kind(entry) and not entry.is_symlink():
            kept[name] = entry
        else:
            _remove(entry)
    for name, entry in wanted.items():
        source, path = Path(entry.path), target / name
        if name not in kept:
            copy(source, path)
        elif entry.is_dir(follow_symlinks=False):
            renew(source, path)
        elif _state(entry) != _state(kept[name]):
            _write_again(source, path)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def _entries(folder: Path) -> dict[str, os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return {entry.name: entry for entry in entries}


def _kind(entry: os.DirEntry[str]) -> int:
    return stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)


def _state(entry: os.DirEntry[str]) -> tuple[int, ...]:
    state = entry.stat(follow_symlinks=False)
    return state.st_size, state.st_mtime_ns, state.st_mode, state.st_uid, state.st_gid


def _write_again(source: Path, target: Path) -> None:
    """Writes a file's content, owner, mode and times over another's; the file itself stays."""
    shutil.copyfile(source, target)
    state = source.stat()
    os.chown(target, state.st_uid, state.st_gid)
    shutil.copystat(source, target)
