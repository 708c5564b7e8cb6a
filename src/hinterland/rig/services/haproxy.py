"""A private HAProxy: its own folder and port on 127.0.0.1, or in a host of a link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hinterland.rig.processes.binaries import Programs
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.link.host import Host
    from hinterland.rig.process import Process
    from hinterland.rig.rig import Rig

PROGRAMS = Programs("haproxy", (("haproxy",),), "apt-get install -y haproxy")
# Without timeouts it warns, and keeps what is dead for ever. It refuses to start where its limit of open
# files is below twice `maxconn`.
CONFIGURATION = """\
global
    maxconn 4096
    nbthread {threads}
    log stderr format raw local0 warning
defaults
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    backlog 16384
listen entrance
    bind {address}:{port}
{body}
"""


class HAProxy(Struct, frozen=True):
    """A running proxy."""

    process: Process
    port: int
    version: str
    folder: Path
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"


def haproxy(
    body: str,
    threads: int = 1,
    *,
    host: Host | None = None,
    port: int | None = None,
    name: str = "haproxy",
) -> Service[HAProxy]:
    """A private HAProxy whose one `listen` section holds `body` beside its `bind`.

    `host`: the end of a link that it runs in; `port`: by default a free one.
    """

    async def started(rig: Rig, own: str) -> HAProxy:
        return await start(rig, body, threads=threads, host=host, port=port, name=own)

    return Service(name, started)


async def start(
    rig: Rig, body: str, *, threads: int, host: Host | None, port: int | None, name: str
) -> HAProxy:
    """Starts a proxy and returns when it accepts connections.

    `body` is what stands in its one `listen` section beside `bind`, such as `mode http` and
    `server app 127.0.0.1:8080`, a line each. Raises SetupError when HAProxy is not installed, SystemFailure
    with its own message when the configuration is wrong.
    """
    from hinterland.rig.readiness import address_of

    program = PROGRAMS.need(rig.search_path, rig.wheels).main
    folder = rig.folder(name)
    address = address_of(host)
    if port is None:
        port = rig.free_port()
    configuration = folder / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(threads=threads, address=address, port=port, body=body))
    process = await rig.start(
        # -db: in the foreground.
        [program, "-db", "-f", configuration],
        name=name,
        port=port,
        host=host,
        cwd=folder,
    )
    return HAProxy(process, port, program_version(program), folder, address)
