"""`hinterland serve`: the atlas in a browser."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from typing import Annotated

from cyclopts import Parameter

from hinterland.cli.terminal.output import paint
from hinterland.errors import SetupError
from hinterland.store import default_store


def serve(
    *,
    port: Annotated[
        int | None, Parameter(metavar="N", help="Listen there.  [4200, or another that is free]")
    ] = None,
    no_open: Annotated[bool, Parameter(negative=(), help="Print the address, and open no browser.")] = False,
) -> int:
    """Open the atlas in a browser: predict, run, see. Ctrl-C ends it; what has run stays.

    Only this machine reaches it, by the address with its token.
    """
    try:
        from hinterland.web.serve import serve as until_ended
    except ImportError as error:
        raise SetupError(
            f"The atlas in a browser needs Starlette and uvicorn ({error}).",
            "Install them: pip install 'hinterland[servers]'",
        ) from None
    opened = not no_open and _has_browser()
    until_ended(default_store(), port, lambda address, number: _tell(address, number, opened))
    return 0


def _this_machine() -> str:
    """Returns how ssh reaches this machine: as it did for whoever sits here, else by its name."""
    found = os.environ.get("SSH_CONNECTION", "").split()
    try:
        user = f"{getpass.getuser()}@"
    except (KeyError, OSError):
        user = ""
    if len(found) != 4:
        return f"{user}{socket.gethostname()}"
    return f"{'' if found[3] == '22' else f'-p {found[3]} '}{user}{found[2]}"


def _has_browser() -> bool:
    """Whether a browser would open where the reader sits: not over ssh, not without a screen."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))


def _tell(address: str, port: int, opened: bool) -> None:
    print(f"The atlas is open: {paint(address, 'bold')}")
    if not opened:
        print(f"From another machine, first:  ssh -L {port}:127.0.0.1:{port} {_this_machine()}")
    tour = "make tour" if os.environ.get("MAKELEVEL") else "hinterland tour"
    print(f"Ctrl-C ends it. In the terminal instead: {tour}", flush=True)
    if opened:
        import webbrowser

        if not webbrowser.open(address):
            print("No browser opened: open the address yourself.", file=sys.stderr)
