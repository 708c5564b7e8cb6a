"""The server: uvicorn with a quick end, on one address of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from hinterland.errors import SetupError, UsageError
from hinterland.web.app import build
from hinterland.web.guard import kept_token

HOST, PORT = "127.0.0.1", 4200
HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")
END_S = 2


class Server(uvicorn.Server):
    """Tells what streams to end before it waits for it: else each open page would hold the end up."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        stopping = getattr(self.config.loaded_app.state, "stopping", None)
        if stopping is not None:
            stopping.set()
        super().handle_exit(sig, frame)


def listening(port: int | None) -> socket.socket:
    """Returns a socket that listens on the port: by default the usual one, else any that is free.

    Raises UsageError for one that is taken, or is none.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port is not None and not 0 <= port <= 65535:
        raise UsageError(f"port={port} must be between 0 and 65535.", "Or leave it out.")
    for chosen in (PORT, 0) if port is None else (port,):
        try:
            made.bind((HOST, chosen))
        except PermissionError:
            raise SetupError(f"port={chosen} needs root.", "Give one of 1024 and above.") from None
        except OSError as error:
            if port is not None:
                made.close()
                raise UsageError(f"port={chosen}: {error.strerror}.", "Give another, or none.") from None
            continue
        return made
    raise SetupError("No port of 127.0.0.1 is free.", "End something that listens.")


def serve(store: Path, port: int | None, told: Callable[[str, int], Any]) -> None:
    """Serves until it is ended. `told` gets the address with its token, and the port, once it is reached.

    Raises UsageError for a port that is taken, SetupError for a store that can't be written.
    """
    token = kept_token(store)
    with listening(port) as made:
        number = made.getsockname()[1]
        app = build(store, token=token, hosts=HOSTS, port=number)
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=END_S,
            proxy_headers=False,
        )
        config.load()
        made.listen(256)
        told(f"http://{HOST}:{number}/?token={token}", number)
        Server(config).run(sockets=[made])
