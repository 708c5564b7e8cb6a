"""The command line. One file a verb, each imported only when it is called."""

from __future__ import annotations

import sys

from hinterland.errors import INTERRUPTED


def main() -> None:
    """Runs the command line and exits with its status."""
    try:
        from hinterland.cli.start import start

        status = start(sys.argv[1:])
    except KeyboardInterrupt:
        # It came while modules were being imported: nothing has begun that would need an end.
        status = INTERRUPTED
    sys.exit(status)
