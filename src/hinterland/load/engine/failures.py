"""Why operations have no good answer, in words beyond the fixed `recorder.ERRORS`: `SQLSTATE 23505`.

A driver turns the words into a code when it fails an operation, so that a failure costs the hot path a
number. What the words say may come from the server, so their number is bounded: those beyond share one code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from hinterland.load.engine.recorder import ERRORS
from hinterland.model.secrecy import without

FIRST = 32
"""The first code that is not fixed. Those below belong to `recorder.ERRORS`."""
OTHER = 127
"""The code of all words that came when the others were taken. An operation's error has seven bits."""
LONGEST = 160
MOST_REASONS = 8
"""Reasons that are kept of one failure. Who never repeats itself is not followed for ever."""

_words: list[str] = []
_codes: dict[str, int] = {}
_reasons: dict[str, dict[str, int]] = {}
_notes: Counter[str] = Counter()
_known_secrets: list[Callable[[], Iterable[str]]] = []


def code_of(words: str, says: str = "") -> int:
    """Returns the code of a failure, the same for the same words in this process.

    `says`: all that the server said of this one, which differs from one to the next (`because`).
    """
    words = _in_short(words)
    code = _codes.get(words)
    if code is None:
        if FIRST + len(_words) >= OTHER:
            code = OTHER
        else:
            code = _codes[words] = FIRST + len(_words)
            _words.append(words)
    return because(code, says)


def because(code: int, says: str, times: int = 1) -> int:
    """Notes why operations failed, in the words of whoever knows, and returns the code of the failure.

    The first few reasons of each failure are kept, and how often each was the one.
    """
    says = _in_short(says)
    if says and times > 0:
        found = _reasons.setdefault(words_of(code), {})
        if says in found or len(found) < MOST_REASONS:
            found[says] = found.get(says, 0) + times
    return code


def hide(secrets: Callable[[], Iterable[str]]) -> None:
    """From now on no words have these secrets in them, which a server may say back; asked for when needed."""
    _known_secrets[:] = [secrets]
    _in_short.cache_clear()


def reasons() -> dict[str, dict[str, int]]:
    """Returns why operations failed: by the words of the failure, each reason and how often it was that."""
    return {words: dict(found) for words, found in _reasons.items()}


def note(words: str) -> None:
    """Counts something that a reader should know of and that is no error."""
    _notes[words] += 1


def notes() -> dict[str, int]:
    """Returns what was noted in this process, and how often."""
    return dict(_notes)


def words_of(code: int) -> str:
    """Returns the words of a code, fixed or not."""
    if code < len(ERRORS):
        return ERRORS[code]
    place = code - FIRST
    return _words[place] if 0 <= place < len(_words) else "other"


@lru_cache(maxsize=1024)
def _in_short(text: str) -> str:
    """Returns a text on one line, without secrets, and without signs that a terminal would obey."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    known = [secret for secrets in _known_secrets for secret in secrets()]
    return without(plain, known)[:LONGEST]
