"""All of a reader's progress as one file that goes elsewhere, and what of such a file is taken."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from hinterland.errors import UsageError
from hinterland.web.reader.calibration import Answered
from hinterland.web.reader.notebook import LONGEST_TEXT, Entry

FORMAT = 1
LARGEST_BYTES = 8 * 1024 * 1024
MOST_ENTRIES = 50_000
MOST_KEYS, LONGEST_KEY = 60, 200
LEAST, MOST = 1e-15, 1e15
"""What a form takes lies between them: times, shares, counts."""
PLACE = re.compile(r"[a-z0-9_-]{1,64}/[a-z0-9_-]{1,64}\Z")
CLOCKS_APART_S = 86_400
OTHER = "Take the file that “All progress” of another notebook gives."


class Progress(Struct, frozen=True, kw_only=True):
    """A file of progress: what was said, and what each prediction that was answered came to."""

    hinterland_progress: int
    made_at: float
    entries: list[Entry]


def made(entries: Iterable[Entry], answered: Iterable[Answered]) -> Progress:
    """Returns all progress: the entries, and for each answer of a run here an entry `met`.

    Without its runs a notebook would forget elsewhere what was hit and when it is due.
    """
    said = list(entries)
    known = {(each.experiment, each.of_s) for each in said if each.kind == "met"}
    outcomes = [
        Entry(
            t_s=each.at_s,
            experiment=each.entry.experiment,
            kind="met",
            marks={key: value for key, value in each.measured.items() if math.isfinite(value)},
            run=each.run,
            of_s=each.entry.t_s,
        )
        for each in answered
        if (each.entry.experiment, each.entry.t_s) not in known
    ]
    return Progress(
        hinterland_progress=FORMAT,
        made_at=time.time(),
        entries=sorted([*said, *outcomes], key=lambda each: each.t_s),
    )


def read(content: bytes, now_s: float) -> list[Entry]:
    """Returns the entries of a file, all of them sound. Raises UsageError for a file of which one is not."""
    if len(content) > LARGEST_BYTES:
        raise UsageError(f"This file is larger than {LARGEST_BYTES // 1024**2} MiB.", OTHER)
    if not content.strip():
        raise UsageError("This file is empty.", OTHER)
    try:
        found = msgspec.json.decode(content, type=Progress)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"This is no file of progress: {_says(error)}.", OTHER) from None
    if found.hinterland_progress != FORMAT:
        raise UsageError(
            f"This file has the format {found.hinterland_progress}, and this version reads {FORMAT}.",
            "Update Hinterland here, or export again there.",
        )
    if len(found.entries) > MOST_ENTRIES:
        raise UsageError(f"This file has more than {MOST_ENTRIES} entries.", OTHER)
    for number, entry in enumerate(found.entries, 1):
        problem = _wrong(entry, now_s)
        if problem:
            raise UsageError(f"Entry {number} of this file {problem}: nothing of it was taken.", OTHER)
    return found.entries


def _says(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")[:200]


def _wrong(entry: Entry, now_s: float) -> str:
    """Returns what is wrong with an entry, to follow its number; empty if it is sound."""
    numbers = [entry.t_s, entry.of_s, entry.within, entry.sure, entry.number or 0.0, *entry.marks.values()]
    keys = [
        *entry.marks,
        *entry.levels,
        entry.run,
        *(each for each in entry.levels.values() if isinstance(each, str)),
    ]
    if not PLACE.match(entry.experiment):
        return "speaks of a place whose name is none"
    if not all(map(_can_be, numbers)) or not 0 <= entry.sure <= 1 or entry.within < 0:
        return "has a number that can't be"
    if not 0 < entry.t_s <= now_s + CLOCKS_APART_S:
        return "was made in the future"
    if len(entry.text) > LONGEST_TEXT or len(entry.option) > LONGEST_TEXT:
        return "has a text that is too long"
    if len(keys) > 2 * MOST_KEYS or any(len(each) > LONGEST_KEY for each in keys):
        return "has more marks than a chart has rows"
    return ""


def _can_be(number: float) -> bool:
    return number == 0 or LEAST <= abs(number) <= MOST


def new(given: Iterable[Entry], known: Iterable[Entry]) -> list[Entry]:
    """Returns what of a file is not there yet, each once, the oldest first."""
    there = {_identity(each) for each in known}
    found: dict[bytes, Entry] = {}
    for each in given:
        if _identity(each) not in there:
            found.setdefault(_identity(each), each)
    return sorted(found.values(), key=lambda each: each.t_s)


def _identity(entry: Entry) -> bytes:
    return msgspec.json.encode(entry, order="sorted")
