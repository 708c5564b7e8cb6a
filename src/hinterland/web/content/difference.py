"""Two texts side by side: their lines aligned, and within lines that changed the words that did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

ALIKE = 0.5
"""From this share of common words on, two lines count as one that was changed."""
FOLDED = 7
"""A stretch of so many equal lines or more is folded, but for the lines next to a difference."""
AROUND = 2
WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Code = tuple[str, int, int, int, int]
"""A stretch as difflib has it: what it is, and from where to where in either text."""
Parts = tuple[tuple[bool, str], ...]
"""A line in pieces: whether each differs from the line beside it that it is like, and its text."""


@dataclass(frozen=True)
class Side:
    """A line of one side; `number` is None where the other side alone has one."""

    number: int | None
    parts: Parts = ()


@dataclass(frozen=True)
class Block:
    """A stretch of lines that are the same on both sides, or not. folded: hidden until it is asked for."""

    kind: Literal["same", "changed"]
    rows: tuple[tuple[Side, Side], ...]
    folded: bool = False


def blocks(left: Sequence[str], right: Sequence[str], starts: tuple[int, int] = (1, 1)) -> list[Block]:
    """Returns the texts as blocks, top to bottom; `starts` are the numbers of their first lines."""
    found: list[Block] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for kind, a, a_end, b, b_end in _joined(matcher.get_opcodes(), left):
        ours = list(enumerate(left[a:a_end], starts[0] + a))
        theirs = list(enumerate(right[b:b_end], starts[1] + b))
        if kind == "equal":
            rows = [
                (Side(n, ((False, line),)), Side(m, ((False, line),)))
                for (n, line), (m, _) in zip(ours, theirs, strict=True)
            ]
            found += _with_fold(rows, first=not a and not b, last=a_end == len(left))
        else:
            found.append(Block("changed", tuple(_changed(ours, theirs))))
    return found


def _joined(codes: Sequence[Code], left: Sequence[str]) -> list[Code]:
    """Returns the stretches with blank lines between two changes counted to the change: they say nothing, and
    would cut a part that was rewritten into crumbs."""
    found: list[Code] = []
    for place, (kind, *ends) in enumerate(codes):
        a, a_end, b, b_end = ends
        inside = 0 < place < len(codes) - 1
        if kind == "equal" and inside and not any(line.strip() for line in left[a:a_end]):
            kind = "replace"
        if found and kind != "equal" and found[-1][0] != "equal":
            _, a, _, b, _ = found.pop()
        found.append((kind, a, a_end, b, b_end))
    return found


def _with_fold(rows: list[tuple[Side, Side]], *, first: bool, last: bool) -> Iterator[Block]:
    """Yields equal lines as one block, or the middle of a long stretch folded."""
    start, end = 0 if first else AROUND, len(rows) if last else len(rows) - AROUND
    if end - start < FOLDED:
        yield Block("same", tuple(rows))
        return
    for part, folded in ((rows[:start], False), (rows[start:end], True), (rows[end:], False)):
        if part:
            yield Block("same", tuple(part), folded)


def _changed(ours: list[tuple[int, str]], theirs: list[tuple[int, str]]) -> Iterator[tuple[Side, Side]]:
    """Yields lines that are alike beside each other, with what differs in them marked; between such lines the
    rest of both sides from the top, beside whatever is there."""
    start = taken = 0
    for place, (number, line) in enumerate(ours):
        at = next((k for k in range(taken, len(theirs)) if _alike(line, theirs[k][1])), None)
        if at is None:
            continue
        yield from _unlike(ours[start:place], theirs[taken:at])
        left, right = _words(line, theirs[at][1])
        yield Side(number, left), Side(theirs[at][0], right)
        start, taken = place + 1, at + 1
    yield from _unlike(ours[start:], theirs[taken:])


def _unlike(ours: list[tuple[int, str]], theirs: list[tuple[int, str]]) -> Iterator[tuple[Side, Side]]:
    for left, right in zip_longest(ours, theirs):
        yield _whole(left), _whole(right)


def _whole(line: tuple[int, str] | None) -> Side:
    return Side(None) if line is None else Side(line[0], ((False, line[1]),))


def _alike(one: str, other: str) -> bool:
    """Decides whether two lines are one that was changed; empty ones are like nothing."""
    if not one.strip() or not other.strip():
        return False
    matcher = SequenceMatcher(None, WORDS.findall(one.strip()), WORDS.findall(other.strip()), autojunk=False)
    return matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _words(one: str, other: str) -> tuple[Parts, Parts]:
    ours, theirs = WORDS.findall(one), WORDS.findall(other)
    left, right = list[tuple[bool, str]](), list[tuple[bool, str]]()
    for kind, a, a_end, b, b_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        left.append((kind != "equal", "".join(ours[a:a_end])))
        right.append((kind != "equal", "".join(theirs[b:b_end])))
    return _told(left), _told(right)


def _told(parts: Iterable[tuple[bool, str]]) -> Parts:
    return tuple((differs, text) for differs, text in parts if text)
