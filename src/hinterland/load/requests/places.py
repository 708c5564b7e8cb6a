"""Where values stand in a request, and what makes them fit there, so that no value can be more than a value.

| place | what happens to a value |
|---|---|
| path, behind its beginning | every sign but letters, digits and `-._~` is percent-encoded |
| path, at its beginning | it is a whole target, as it is; of a URL, scheme, host and fragment are taken off |
| header | it stays as it is; one with a line end, NUL or a sign beyond Latin-1 is refused |
| body that is JSON, within quotes | escaped as in a JSON string; outside of quotes it stays as it is |
| body that is a form | percent-encoded, a space as `+` |
| other bodies, messages | it stays as it is |
| Redis command | a word never becomes two: words are told apart before values come |
| PostgreSQL statement | it is a parameter, `$1`, and never SQL |

A body is JSON or a form if its Content-Type says so; without one it is JSON if it begins with `{` or `[`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

from hinterland.errors import UsageError
from hinterland.load.requests.template import Encoder, Template

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

_TARGET = re.compile(r"(?:/|[A-Za-z][A-Za-z0-9+.-]*://|\*)[\x21-\x7e]*")
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_UNFIT_FOR_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_QUOTED = re.compile(r"'(?:[^']|'')*'")


def in_path(value: str) -> str:
    """Returns a value as a part of a path or query."""
    return quote(value, safe="")


def as_target(value: str) -> str:
    """Returns a value as a whole request target: of a URL only what follows its host, and no fragment."""
    value = value.partition("#")[0]
    if value.startswith("/"):
        return value
    rest = _ORIGIN.sub("", value, count=1)
    return rest if rest.startswith(("/", "*")) else f"/{rest}"


def in_json(value: str) -> str:
    """Returns a value as the inside of a JSON string."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def in_form(value: str) -> str:
    """Returns a value as a form's."""
    return quote_plus(value)


def fits_header(value: str) -> bool:
    """Decides whether a value stays one line of a header. HTTP allows no control sign but the tab there."""
    return _UNFIT_FOR_HEADER.search(value) is None


def fits_target(value: str) -> bool:
    """Decides whether a value is a request target, or a URL that has one."""
    return _TARGET.fullmatch(value) is not None


def content_type(headers: Sequence[tuple[str, str]], body: Template) -> str:
    """Returns a body's Content-Type, in lower case: the header's, else JSON's where it looks so, or none."""
    for name, value in headers:
        if name.lower() == "content-type":
            return value.lower()
    return JSON if body.literals[0].lstrip()[:1] in ("{", "[") else ""


def body_encoders(body: Template, kind: str) -> list[Encoder | None]:
    """Returns what makes each value of a body fit, for a body of this Content-Type."""
    if FORM in kind:
        return [in_form] * len(body.names)
    if "json" not in kind:
        return [None] * len(body.names)
    encoders: list[Encoder | None] = []
    quoted = False
    for literal in body.literals[:-1]:
        # An escaped quote does not end a string; an escaped backslash does not escape the quote behind it.
        quoted ^= re.sub(r"\\.", "", literal, flags=re.DOTALL).count('"') % 2 == 1
        encoders.append(in_json if quoted else None)
    return encoders


def parameters(statement: Template) -> str:
    """Returns the SQL of a statement, with `$1`, `$2` ... for its values; `'{name}'` loses its quotes.

    Raises UsageError for a value inside a longer text, where no parameter may stand.
    """
    parts = [statement.literals[0]]
    for number, literal in enumerate(statement.literals[1:], start=1):
        if parts[-1].endswith("'") and literal.startswith("'") and _opens(parts[-1]):
            parts[-1], literal = parts[-1][:-1], literal[1:]
        parts += [f"${number}", literal]
        if _opens("".join(parts[:-1])):
            name = statement.names[number - 1]
            raise UsageError(
                f"PostgreSQL statement: {{{name}}} stands inside a quoted text.",
                f"Write it outside: 'order ' || {{{name}}}.",
            )
    return "".join(parts)


def _opens(sql: str) -> bool:
    """Decides whether a quoted text is still open at the end."""
    return "'" in _QUOTED.sub("", sql)
