"""Statements and commands that can't go well as a load's request, whatever the server: refused before the
load.
"""

from __future__ import annotations

import re

from hinterland.errors import UsageError

_NO_SQL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_COPIES_IN = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_TAKES_NO_VALUE = re.compile(
    r"\s*(alter|analyze|begin|checkpoint|close|cluster|comment|commit|copy|deallocate|discard|do|drop|fetch|grant|"
    r"listen|lock|move|notify|prepare|reindex|release|reset|revoke|rollback|savepoint|set|show|start|truncate|"
    r"unlisten|vacuum)\b",
    re.IGNORECASE,
)
"""PostgreSQL plans none of these, and only what is planned has parameters."""

_ENDLESS = {
    "MONITOR": "", "PSUBSCRIBE": "", "PSYNC": "", "SSUBSCRIBE": "", "SUBSCRIBE": "", "SYNC": "",
    "CLIENT": "REPLY", "HELLO": "3",
}  # fmt: skip
"""Redis commands without one reply to each, and the word behind them where it takes one to be so."""


def refuse_undoable(statement: str, *, has_values: bool) -> None:
    """Raises UsageError for SQL that can't be done: data that a load has not, values where none may stand."""
    plain = _NO_SQL.sub(lambda found: " " if found[0][:2] in ("--", "/*") else "''", statement)
    parts = [part for part in plain.split(";") if part.strip()]
    if any(_COPIES_IN.match(part) for part in parts):
        raise UsageError(
            "PostgreSQL statement: COPY FROM STDIN waits for data, and a load sends none.",
            "Use INSERT, or COPY FROM a file of the server's.",
        )
    if not has_values:
        return
    if len(parts) > 1:
        raise UsageError(
            f"PostgreSQL takes no values in {len(parts)} statements at once, and here are some in braces.",
            "Make each a request of its own in a visit: --requests FILE.toml",
        )
    if found := _TAKES_NO_VALUE.match(plain):
        raise UsageError(
            f"PostgreSQL takes no values in {found[1].upper()}, and here is one in braces.",
            "Write it without braces; for settings there is: select set_config('NAME', {value}, true)",
        )


def refuse_endless(words: list[bytes]) -> None:
    """Raises UsageError for a command that is not answered by one reply of RESP2."""
    command, *more = (word.decode("utf-8", "replace").upper() for word in words)
    if command not in _ENDLESS or _ENDLESS[command] not in ("", *more[:1]):
        return
    says = f"{command} {_ENDLESS[command]}".strip()
    raise UsageError(
        f"Redis answers {says} with no reply, with many, or in another protocol: a load can't time it.",
        "Leave it out. A load of Redis sends commands that have one reply each.",
    )
