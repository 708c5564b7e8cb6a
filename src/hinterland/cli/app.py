"""The parser: the verbs with their options, and what is said of words that make no command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError, UnusedCliTokensError

from hinterland.cli.help_page import HelpPage
from hinterland.cli.terminal.store import take_store
from hinterland.cli.verbs import EVERYWHERE_OPTIONS, EXAMPLES, SUMMARY, VERBS, version
from hinterland.errors import UsageError

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

UNDER_RUNS = (
    (
        "export",
        "kept.exchange:export_run",
        "Pack a run's record into one file; its report and captures stay behind.",
    ),
    (
        "import",
        "kept.exchange:import_run",
        "Take in the record of a run of another machine; it is never the last run.",
    ),
)
"""Verbs of `runs` itself, as those of `VERBS`."""

EVERYWHERE = Group("Everywhere", sort_key=99)


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
    if asked == "runs":
        for name, path, says in UNDER_RUNS:
            app["runs"].command(f"hinterland.cli.{path}", name=name, help=says)
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
                help=EVERYWHERE_OPTIONS[0][1],
            ),
        ] = None,
        no_color: Annotated[
            bool,
            Parameter(group=EVERYWHERE, negative=(), help=EVERYWHERE_OPTIONS[1][1]),
        ] = False,
    ) -> Any:
        take_store(store)
        if no_color:
            os.environ["NO_COLOR"] = "1"
        return app(tokens, exit_on_error=False, print_error=False)

    return launch


def parse(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status. Raises UsageError where the words make no command."""
    verbs = {name for group in VERBS.values() for name, _, _ in group}
    asked = next((word for word in arguments if word in verbs), "")
    try:
        status = build(asked).meta(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(said_wrong(error)) from error
    return status if isinstance(status, int) else 0


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
