"""The beginning and the end of a command: which way it takes, and what an error becomes.

A verb is a function that returns its exit status.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from hinterland import errors
from hinterland.cli import quick
from hinterland.errors import HinterlandError, SetupError


def start(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status; an error becomes a message, never a traceback."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # The caller closed it (`>&-`): what is printed there goes nowhere.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for as long as the process lasts
    try:
        status = quick.answer(arguments)
        if status is None:
            from hinterland.cli.app import parse

            status = parse(arguments)
        sys.stdout.flush()
        return status
    except HinterlandError as error:
        return complain(str(error), error.exit_status, error)
    except KeyboardInterrupt:
        let_go_of_output()
        return errors.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to tell.
        let_go_of_output()
        return 0
    except OSError as error:
        if error.errno == errno.EIO:
            # The terminal has gone.
            let_go_of_output()
            return errors.INTERRUPTED
        if error.errno == errno.ENOSPC:
            # A full store is told apart where it is written; what is left is where our output goes.
            let_go_of_output()
            full = SetupError("The output can't be written: its disk is full.", "Send it elsewhere.")
            return complain(str(full), full.exit_status, error)
        return complain(bug_report(error), errors.INTERNAL, error)
    except Exception as error:
        return complain(bug_report(error), errors.INTERNAL, error)


def bug_report(error: Exception) -> str:
    """Returns what to say of an error that none of our rules foresaw."""
    from hinterland.cli.terminal.bug import bug

    return str(bug(error))


def let_go_of_output() -> None:
    """Sends what is still to be written nowhere if it can't be written, so that leaving does not fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(says: str, status: int, error: BaseException | None = None) -> int:
    """Prints the message on stderr, with the traceback if HINTERLAND_DEBUG=1, and returns `status`."""
    if error is not None and os.environ.get("HINTERLAND_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    print(says, file=sys.stderr)
    return status
