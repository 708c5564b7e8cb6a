"""The kernel's namespaces: made, entered, and held by descriptors, so that nothing of them has a name.

A namespace lives as long as a process is in it or a descriptor holds it: when the last of both has ended
the kernel removes it with its devices, mounts and sockets, however they ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_SLAVE = 2, 4, 8, 0x1000, 0x4000, 0x80000
MNT_DETACH = 2

PLACES = ("/tmp", "/mnt", "/srv", "/opt", "/var/tmp")
"""Folders of which one is covered for a moment, in a mount namespace of our own, to write files there."""

_libc = ctypes.CDLL(None, use_errno=True)
_setns = _libc.setns
_setns.argtypes = [ctypes.c_int, ctypes.c_int]
_unshare = _libc.unshare
_unshare.argtypes = [ctypes.c_int]
_mount = _libc.mount
_mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_umount = _libc.umount2
_umount.argtypes = [ctypes.c_char_p, ctypes.c_int]


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Moves this process into new namespaces of the kinds in `flags`. Raises OSError when it may not."""
    _checked(_unshare(flags), "unshare")


def setns(descriptor: int, flag: int) -> None:
    """Moves this thread into the namespace of `descriptor`. `os.setns` would need Python 3.12."""
    _checked(_setns(descriptor, flag), "setns")


def own(kind: str) -> int:
    """Returns a descriptor of the namespace of `kind` (user, net, mnt) that this process is in."""
    return os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def unshare_user() -> int:
    """Moves this process into a user namespace in which it keeps its user, and returns its descriptor.

    There it may make further namespaces. A program that it starts is the same ordinary user as before.
    """
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    # Without this an unprivileged process may not map its group.
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return own("user")


def unshare_network() -> int:
    """Moves this process into a new network namespace and returns its descriptor."""
    unshare(CLONE_NEWNET)
    return own("net")


def unshare_mounts() -> int:
    """Moves this process into a copy of its mount namespace and returns its descriptor.

    What the machine mounts and unmounts later still shows in it; what is done in it stays in it.
    """
    unshare(CLONE_NEWNS)
    _checked(_mount(b"none", b"/", None, MS_REC | MS_SLAVE, None), "mount / as slave")
    return own("mnt")


def cover_files(files: dict[str, str]) -> dict[str, str]:
    """Puts each text in the place of the file of that path, for this mount namespace alone.

    Returns the reason for each that could not be covered. The texts lie in a filesystem in memory that is
    mounted over a folder while they are written, and has no path afterwards.
    """
    left: dict[str, str] = {}
    place = next((each for each in PLACES if os.path.isdir(each)), "/")
    _checked(
        _mount(b"tmpfs", place.encode(), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"size=1m,mode=755"),
        f"mount a tmpfs over {place}",
    )
    try:
        for number, (path, text) in enumerate(files.items()):
            source = Path(place) / str(number)
            source.write_text(text)
            source.chmod(0o644)
            try:
                target = os.path.realpath(path)
                if target.startswith(place + "/"):
                    left[path] = f"it stands in {place}"
                    continue
                _checked(_mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None), "mount")
            except OSError as error:
                left[path] = error.strerror or str(error)
    finally:
        _checked(_umount(place.encode(), MNT_DETACH), f"unmount {place}")
    return left


@dataclass(slots=True)
class Namespaces:
    """Descriptors of where a host lives: its network, its mounts and the user namespace of both.

    -1 stands for: that of the whole machine.
    """

    network: int
    mounts: int = -1
    user: int = -1

    def entries(self) -> list[tuple[int, int]]:
        """Returns what leads a process with one thread into the host: descriptor and kind, in this order.

        With a user namespace, which comes first, it has every right in that until it starts a program.
        """
        kinds = ((self.user, CLONE_NEWUSER), (self.network, CLONE_NEWNET), (self.mounts, CLONE_NEWNS))
        return [(descriptor, kind) for descriptor, kind in kinds if descriptor >= 0]

    def enter(self) -> None:
        """Moves this process, which has one thread, into the host; its folder stays."""
        here = os.getcwd()
        for descriptor, kind in self.entries():
            setns(descriptor, kind)
        # The kernel moves whoever enters a mount namespace to its root folder.
        os.chdir(here)

    def close(self) -> None:
        """Lets go of them."""
        # The user namespace is shared by the hosts of a link, whose owner closes it.
        for descriptor in (self.network, self.mounts):
            if descriptor >= 0:
                os.close(descriptor)
        self.network = self.mounts = -1
