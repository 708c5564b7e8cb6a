"""What a statement leaves in its session for whoever comes next, beyond a transaction: read from its text.

A transaction that is open tells of itself, in every ReadyForQuery. Nothing tells of the rest: settings,
statements prepared by SQL, temporary tables, cursors, advisory locks, subscriptions. `DISCARD ALL` undoes all
of them. What a function does inside is not to be seen from here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hinterland.load.drivers.postgresql.messages import query

IDLE, IN_TRANSACTION = b"I", b"T"
"""Of ReadyForQuery. The third is `E`: in a transaction that failed."""
ROLLBACK, DISCARD_ALL = query(b"ROLLBACK"), query(b"DISCARD ALL")
WHO_ANSWERS = query(b"select pg_backend_pid()")
"""Behind a pooler it is another process than the one that the session was told of."""
TAKEN, UNKNOWN = "42P05", "26000"
"""SQLSTATEs of a prepared statement that another session has, and of one that this one never had."""

_NO_SQL = re.compile(rb"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_LEAVES = re.compile(
    rb"""
    (?:^|;)\s*(?:
        set\s+(?!local\b|transaction\b|constraints\b)
        | reset\b | listen\b | load\b | prepare\s+(?!transaction\b) | deallocate\b | discard\b
        | do\b | call\b
        | declare\b.*\bcursor\b
    )
    | \btemp(?:orary)?\b | \bpg_temp\b | \bset_config\s*\( | \bpg_(?:try_)?advisory_lock
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_FORGETS = re.compile(rb"(?:^|;)\s*(?:deallocate|discard)\b", re.IGNORECASE)


@lru_cache(maxsize=1024)
def leaves_something(statement: bytes) -> bool:
    """Decides whether a session may be another one after the statement and the end of its transaction."""
    return _LEAVES.search(_NO_SQL.sub(b" ", statement)) is not None


@lru_cache(maxsize=1024)
def forgets_names(statement: bytes) -> bool:
    """Decides whether statements that were prepared may be gone after this one."""
    return _FORGETS.search(_NO_SQL.sub(b" ", statement)) is not None
