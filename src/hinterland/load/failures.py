"""Why operations have no good answer, in words beyond the fixed `recorder.ERRORS`: `SQLSTATE 23505`.

A driver turns the words into a code when it fails an operation, so that a failure costs the hot path a
number. What the words say may come from the server, so their number is bounded: those beyond share one code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from hinterland.load.recorder import ERRORS
from hinterland.model.secrecy import without

FIRST = 32
"""The first code that is not fixed. Those below belong to `recorder.ERRORS`."""
OTHER = 127
"""The code of all words that came when the others were taken. An operation's error has seven bits."""
LONGEST = 160

_words: list[str] = []
_codes: dict[str, int] = {}
_examples: dict[str, str] = {}
_known_secrets: list[Callable[[], Iterable[str]]] = []


def code_of(words: str, says: str = "") -> int:
    """Returns the code of a failure, the same for the same words in this process.

    `says`: all that the server said of this one, which differs from one to the next; the first is kept.
    """
    words = _told(words)
    if says and words not in _examples and len(_examples) < OTHER:
        _examples[words] = _told(says)
    code = _codes.get(words)
    if code is None:
        if FIRST + len(_words) >= OTHER:
            return OTHER
        code = _codes[words] = FIRST + len(_words)
        _words.append(words)
    return code


def hide(secrets: Callable[[], Iterable[str]]) -> None:
    """From now on no words have these secrets in them, which a server may say back; asked for when needed."""
    _known_secrets[:] = [secrets]
    _told.cache_clear()


@lru_cache(maxsize=1024)
def _told(text: str) -> str:
    """Returns a text in one line, without secrets, and not too long."""
    known = [secret for secrets in _known_secrets for secret in secrets()]
    return without(" ".join(text.split()), known)[:LONGEST]


def examples() -> dict[str, str]:
    """Returns what a server said the first time, by the words of the failure."""
    return dict(_examples)


def words_of(code: int) -> str:
    """Returns the words of a code, fixed or not."""
    if code < len(ERRORS):
        return ERRORS[code]
    place = code - FIRST
    return _words[place] if 0 <= place < len(_words) else "other"
