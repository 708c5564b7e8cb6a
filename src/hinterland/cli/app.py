"""The app: which verbs there are, the options that all share, and what an error becomes.

Every verb is named here by its import path, so that `--help` and `list` import no other verb.
A verb is a function that returns its exit status.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError, UnusedCliTokensError

from hinterland import errors
from hinterland.cli.bug import bug
from hinterland.cli.help_page import HelpPage
from hinterland.cli.store import take_store
from hinterland.errors import HinterlandError, SetupError

EXAMPLES = """\
Examples:
  hinterland list
  hinterland run apis/idempotency
  hinterland run storage/read_write_ratio --set read_ratio=0.5,0.95 --budget 30s
  hinterland report last --open
"""

VERBS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Experiments": (
        ("list", "list:list_experiments", "The experiments, by region, and what this machine can run."),
        ("show", "show:show_experiment", "One experiment: its question, factors, claims and sources."),
        ("run", "run:run", "Run one experiment: live progress, a verdict for each claim, a report."),
        ("tour", "tour:tour", "Run one of each region, or all, and say what was learned."),
    ),
    "Past runs": (
        ("runs", "runs:runs", "The runs and loads on disk, newest first."),
        ("report", "report:report", "The report of a run or a load, here or as a web page."),
        ("recheck", "recheck:recheck", "Judge a run again from its files alone."),
    ),
    "Instruments": (
        ("load", "load:load", "Drive a load: latency from the moment each request was due."),
        ("link", "link:link", "Run any command behind a link with delay, loss and rate, with no root."),
    ),
    "This machine and you": (
        ("doctor", "doctor:doctor", "What is here, what is missing, and what that would unlock."),
        ("new", "new:new", "Start an experiment of your own that passes its own tests."),
        ("completion", "completion:completion", "The completion script for your shell."),
    ),
}
"""Groups of verbs: (name, function in `hinterland.cli`, one line of help)."""

VERB_EXAMPLES = {
    "load": """\
Examples:
  hinterland load http://localhost:8080/ --rate 2k --duration 30s
  hinterland load http://localhost:8080/ --closed --connections 64
  hinterland load http://localhost:8080/ --find-capacity "p99 < 20ms"
  hinterland load http://localhost:8080/ --rate 500 --poisson \\
      --request "9:GET /items/{key}" --request "1:POST /items" --zipf 1 \\
      --assert "p99 < 50ms" --assert "errors = 0"
  hinterland load postgresql://localhost/shop --rate 1k --body "select 1"
URL: http https h2c h2 h3 ws wss sse+http sse+https tcp udp postgresql redis
rediss.
""",
    "link": """\
Examples:
  hinterland link --rtt 50ms --server "python3 -m http.server 8000" \\
      -- curl -s http://server:8000/
  hinterland link --rtt 100ms --loss 2% --view packets.html \\
      --server ./server -- ./client server
  hinterland link --up rate=2mbit --down rate=20mbit,queue=300ms --shell
""",
}
"""What stands below the help of a verb that is easier shown than told."""

VERB_USAGE = {
    "link": "Usage: hinterland link [OPTIONS] -- CMD [ARGS...]\n",
    "load": "Usage: hinterland load URL [OPTIONS]\n",
}
"""The first line of the help of a verb whose arguments don't show how it is written."""

EVERYWHERE = Group("Everywhere", sort_key=99)
SUMMARY = "An atlas of backend engineering that you can run: claims that can fail, on real parts."


def build(asked: str = "") -> App:
    """Returns the app with all its verbs; `asked` is the one whose own docstring is its help."""
    app = App(
        name="hinterland",
        help=SUMMARY,
        version=version,
        version_flags=["--version"],
        help_formatter=HelpPage(),
        help_format="plaintext",
        help_epilogue=EXAMPLES,
        usage="Usage: hinterland VERB ...\n",
        result_action="return_value",
    )
    app.group_arguments = Group("Arguments", sort_key=0)
    app.group_parameters = Group("Options", sort_key=1)
    for rank, (title, verbs) in enumerate(VERBS.items()):
        group = Group(title, sort_key=rank)
        for place, (name, path, says) in enumerate(verbs):
            target = f"hinterland.cli.{path}"
            says_itself = None if name == asked else says
            epilogue = VERB_EXAMPLES.get(name, "")
            app.command(
                target,
                name=name,
                help=says_itself,
                group=group,
                sort_key=place,
                help_epilogue=epilogue,
                usage=VERB_USAGE.get(name),
            )
    app["--help"].group = app["--version"].group = EVERYWHERE
    app.meta.default(launcher(app))
    return app


def launcher(app: App) -> Callable[..., Any]:
    """Returns the function that takes the options which all verbs share, then calls the verb."""

    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        store: Annotated[
            Path | None,
            Parameter(
                group=EVERYWHERE,
                metavar="DIR",
                help="Where runs are kept (HINTERLAND_STORE; else ~/.local/state/hinterland/runs).",
            ),
        ] = None,
        no_color: Annotated[
            bool,
            Parameter(
                group=EVERYWHERE, negative=(), help="Plain text (also: NO_COLOR, or output to a file)."
            ),
        ] = False,
    ) -> Any:
        take_store(store)
        if no_color:
            os.environ["NO_COLOR"] = "1"
        return app(tokens, exit_on_error=False, print_error=False)

    return launch


def start(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status; an error becomes a message, never a traceback."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # The caller closed it (`>&-`): what is printed there goes nowhere.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for as long as the process lasts
    try:
        verbs = {name for group in VERBS.values() for name, _, _ in group}
        asked = next((word for word in arguments if word in verbs), "")
        status = build(asked).meta(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except CycloptsError as error:
        return complain(said_wrong(error), errors.USAGE)
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
        return complain(str(bug(error)), errors.INTERNAL, error)
    except Exception as error:
        return complain(str(bug(error)), errors.INTERNAL, error)


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


def said_wrong(error: CycloptsError) -> str:
    """Returns the message for a command line that can't be parsed, and where to look."""
    verb = " ".join(error.command_chain or ())
    says = str(error).strip().removeprefix(f'Command "{verb}" ')
    if isinstance(error, UnknownCommandError):
        says = says.partition(" Available commands:")[0].replace("Unknown command", "There is no verb")
    if isinstance(error, UnusedCliTokensError):
        says = f"{verb} takes no more arguments: {' '.join(error.unused_tokens or ())} is left over."
    number = re.fullmatch(r'Invalid value for -*(\S+): unable to convert "(.*)" into int\.', says)
    if number:
        says = f"{number[1]}={number[2]} must be a whole number."
    missing = re.search(r"[Pp]arameter (\S+) requires an argument", says)
    if missing and missing[1].startswith("-"):
        says = f"{missing[1]} needs a value."
    elif missing:
        says = f"{verb} needs {missing[1]}."
    return f"{says[:1].upper()}{says[1:]}\n  See: hinterland {verb + ' ' if verb else ''}--help"


def version() -> str:
    """Returns `hinterland 0.1.0`."""
    from hinterland import __version__

    return f"hinterland {__version__}"
