"""What other tools write for a value, and would quietly be sent as it stands.

| written | of |
|---|---|
| `{{id}}`, `{{ id }}`, `{{$guid}}` | Postman, Artillery, Jinja |
| `${id}` | JMeter, k6, Gatling, shells |
| `/:id`, `<id>`, `%{id}` in a path | routes of web frameworks, OpenAPI, Ruby |
| `{First Name}` | a column of the data, whose name can't stand in braces |
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hinterland.errors import UsageError
from hinterland.load.requests.template import parse

_NAME = r"[A-Za-z_][\w.-]*"
_TWICE = re.compile(r"(?<!\{)\{{2,3}(?!\{)(?:\s|%20)*[$#_A-Za-z][^{}\"']*\}{2,3}")
_DOLLAR = re.compile(rf"\$\{{\s*{_NAME}\s*\}}")
_IN_PATH = re.compile(rf"(?<=/):{_NAME}(?=[/?]|\Z)|<{_NAME}>|%3C{_NAME}%3E|%\{{{_NAME}\}}")
_INNER = re.compile(r"%20|%3[CE]|[\s${}<>:%#]")


def examine(text: str, where: str, *, is_path: bool = False) -> None:
    """Raises UsageError for a text with a value as another tool writes it; `where` is where it stands."""
    found = _TWICE.search(text) or _DOLLAR.search(text) or (_IN_PATH.search(text) if is_path else None)
    if found is None:
        return
    name = _INNER.sub("", found[0]) or "id"
    raise UsageError(
        f"{where}: {found[0]} is how another tool writes a value.",
        f"Write {{{name}}} for the value. {_for_itself(found[0])}",
    )


def _for_itself(written: str) -> str:
    if written.startswith("{{"):
        return f"For the text itself write {written.replace('{', '{{')}"
    if written.startswith("$"):
        return r"For a $ in front of a value write %24 in a path or form, \u0024 in JSON."
    return "For the sign itself write its percent-encoding."


def can_be_named(column: str) -> bool:
    """Decides whether a column's name, in braces, stands for its value."""
    return parse(f"{{{column}}}").names == (column,)


def examine_columns(file: str, columns: Iterable[str], texts: Iterable[str]) -> None:
    """Raises UsageError where a text has a column in braces that can't be named so."""
    together = "\n".join(texts)
    for column in columns:
        if f"{{{column}}}" in together and not can_be_named(column):
            raise UsageError(
                f"{file}: the column {column!r} can't be named in braces, and would be sent as {{{column}}}.",
                f"Call it {suggested(column)} in the file: letters, digits, _ . and -, a letter first.",
            )


def suggested(column: str) -> str:
    """Returns a name like that of a column, which can be named."""
    made = re.sub(r"[^A-Za-z0-9_]+", "_", column).strip("_").lower() or "value"
    return made if made[0].isalpha() else f"column_{made}"
