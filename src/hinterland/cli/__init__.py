"""The command line. One file a verb, each imported only when it is called."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and exits with its status."""
    from hinterland.cli.app import start

    sys.exit(start(sys.argv[1:]))
