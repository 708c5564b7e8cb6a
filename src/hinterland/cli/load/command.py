"""`hinterland load URL`: a load, its latencies from the moment each operation was due, and who was slow."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from hinterland.cli.load import option_values as load_asking
from hinterland.cli.load import outputs as load_outputs
from hinterland.cli.load.as_json import document
from hinterland.cli.load.capacity_live import searching
from hinterland.cli.load.ending import exit_status, print_summary, write_page
from hinterland.cli.load.live import watching
from hinterland.cli.load.option_groups import (
    ARRIVALS,
    CONNECTIONS,
    GENERATOR,
    JUDGING,
    OUTPUT,
    REQUESTS,
    ArrivalOptions,
    ConnectionOptions,
    GeneratorOptions,
    JudgingOptions,
    OutputOptions,
    RequestOptions,
)
from hinterland.cli.load.request_import import curl_without_secrets, imported
from hinterland.cli.run.ending import open_in_browser
from hinterland.cli.terminal.output import print_json
from hinterland.errors import UsageError
from hinterland.load import session
from hinterland.load.options.planned import plan as plan_of
from hinterland.load.plan import notation as load_words
from hinterland.load.plan.plan import LoadPlan, Objective
from hinterland.load.record import folder as records
from hinterland.load.result.record import LoadRecord
from hinterland.model.secrecy import MASK, hidden, hidden_url
from hinterland.store import default_store

HEADER = ("-H", "--header")
NO_SECRETS = ("--extract", "-e")


def load(
    url: Annotated[
        str, Parameter(name="URL", help="Such as http://localhost:8080/  Without it, --vs repeats that load.")
    ] = "",
    /,
    *,
    arrivals: Annotated[ArrivalOptions, Parameter(name="*", group=ARRIVALS)] = ArrivalOptions(),  # noqa: B008
    connections: Annotated[ConnectionOptions, Parameter(name="*", group=CONNECTIONS)] = ConnectionOptions(),  # noqa: B008
    requests: Annotated[RequestOptions, Parameter(name="*", group=REQUESTS)] = RequestOptions(),  # noqa: B008
    judging: Annotated[JudgingOptions, Parameter(name="*", group=JUDGING)] = JudgingOptions(),  # noqa: B008
    output: Annotated[OutputOptions, Parameter(name="*", group=OUTPUT)] = OutputOptions(),  # noqa: B008
    generator: Annotated[GeneratorOptions, Parameter(name="*", group=GENERATOR)] = GeneratorOptions(),  # noqa: B008
) -> int:
    """Drive a load against a server and say how long its users wait, free of coordinated omission.

    An operation's time counts from the moment it was due. Exit status: 0, 1 an assertion failed, 2 none did,
    but the generator was the limit or nothing was answered, 130 interrupted.
    """
    asked = load_asking.asked(arrivals, connections, requests, judging, generator)
    objective = load_asking.capacity_objective(judging, arrivals, output)
    store = default_store()
    against = None if judging.vs is None else records.load(store, judging.vs)
    url, asked = imported(url, asked, requests)
    plan = plan_of(url, asked) if url else load_asking.as_before(against, asked)
    if objective is not None:
        # A search begins at the rate that is given, or finds out for itself where to begin.
        plan = replace(plan, arrivals=replace(plan.arrivals, rate_per_s=asked.rate or 0.0))
    load_outputs.check_writable(output)
    found = driven(plan, objective, store, output, against)
    page = write_page(found)
    if output.hdr is not None:
        from hinterland.load.report import hdr as load_hdr

        load_outputs.write("hdr", output.hdr, load_hdr.log(found))
    if output.report is not None:
        load_outputs.write("report", output.report, page.read_bytes())
    status = exit_status(found)
    if output.junit is not None:
        from hinterland.load.report import junit as load_junit

        load_outputs.write("junit", output.junit, load_junit.xml(found, status))
    if output.json:
        print_json(document(found, status))
    else:
        print_summary(found)
    if output.open:
        open_in_browser(page)
    return status


def driven(
    plan: LoadPlan,
    objective: Objective | None,
    store: Path,
    output: OutputOptions,
    against: LoadRecord | None,
) -> LoadRecord:
    """Drives the load, or searches the capacity, with progress on the terminal, and returns its record."""
    command = repeated(sys.argv[1:])
    quiet, lines, to_stderr = output.quiet, output.no_live, output.json
    if objective is not None:
        with searching(plan, objective, quiet=quiet, lines=lines, to_stderr=to_stderr) as (watch, watch_load):
            return session.in_loop(
                lambda: session.search(
                    plan, objective, store, watch=watch, watch_load=watch_load, command=command
                )
            )
    with watching(plan, quiet=quiet, lines=lines, to_stderr=to_stderr) as on_result:
        return session.in_loop(
            lambda: session.drive(
                plan,
                store,
                watch=on_result,
                operations=output.operations or False,
                against=against,
                command=command,
            )
        )


def repeated(words: list[str]) -> str:
    """Returns the command line that repeats a load, without the secrets in it."""
    kept = []
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        before = words[place - 1] if place else ""
        if not (equals and option.startswith("--")):
            option, equals, value = ("-H", "", word[2:]) if word.startswith("-H") else (before, "", word)
            front = word[: len(word) - len(value)]
        else:
            front = f"{option}="
        kept.append(front + value_without_secret(option, value))
    return shlex.join(["hinterland", *kept])


def value_without_secret(option: str, value: str) -> str:
    """Returns the value of an option as it may be kept."""
    if option in HEADER:
        name, colon, rest = value.partition(":")
        return f"{name}{colon}{rest and f' {records.header_without_secret(name, rest.strip())}'}"
    if option in NO_SECRETS:
        return value
    if option == "--curl":
        return curl_without_secrets(value)
    if option == "--check":
        return without_secret_check(value)
    return hidden_url(value) if "://" in value else hidden(value)


def without_secret_check(text: str) -> str:
    """Returns a check as it may be kept."""
    try:
        check = load_words.parse_check(text)
    except UsageError:
        return hidden(text)
    shown = load_words.shown_check(check)
    return shown if MASK in shown else text
