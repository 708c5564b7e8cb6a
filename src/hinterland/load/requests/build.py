"""One request of the plan made ready: all that is known beforehand is bytes."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.plan.plan import RequestPlan, Target
from hinterland.load.requests.http_request import http_request
from hinterland.load.requests.message_request import message, redis_command, statement
from hinterland.load.requests.parts import Make, Resolve
from hinterland.model.secrecy import hidden

SHOWN = 60
"""How much of a message names it."""


def build(
    plan: RequestPlan, target: Target, resolve: Resolve, *, kind: int, reads: bool
) -> tuple[Make, bool]:
    """Returns what makes the request of a visit's values, and whether it is the same for all of them.

    Raises UsageError for a request that can't be written, a name that is not known, a file that can't be had.
    """
    if plan.body and plan.body_file:
        raise UsageError(f"request {name_of(plan, target)!r} has a body and a body file.", "Keep one.")
    if target.traits.method_and_path:
        make, constant = http_request(plan, target, resolve, kind=kind, reads=reads)
    elif target.protocol == "redis":
        make, constant = redis_command(plan, resolve, kind=kind, reads=reads)
    elif target.protocol == "postgresql":
        make, constant = statement(plan, resolve, kind=kind, reads=reads)
    else:
        make, constant = message(plan, resolve, kind=kind, reads=reads)
    return make, constant


def in_line(plan: RequestPlan) -> RequestPlan:
    """Returns the plan with the text of its file as its body: a statement or a command is text anyway."""
    if not plan.body_file:
        return plan
    try:
        return replace(plan, body=Path(plan.body_file).read_text(encoding="utf-8"), body_file="")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"body file {plan.body_file} can't be read: {error}.", "Give a text.") from None


def name_of(plan: RequestPlan, target: Target) -> str:
    """Returns what the outputs call a request: its name, else its method and path, else its message.

    The outputs have no secrets in them.
    """
    if plan.name:
        return hidden(plan.name)
    if target.traits.method_and_path:
        return hidden(f"{plan.method} {plan.path or target.path}")
    text = f"@{Path(plan.body_file).name}" if plan.body_file else " ".join(hidden(plan.body).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
