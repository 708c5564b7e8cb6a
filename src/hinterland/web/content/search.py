"""Search: places, claims and words, the best first. Sealed places answer by their open parts alone."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cache

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.web.content import glossary, lesson

LONGEST_QUERY = 200
MOST_WORDS = 12
MOST_A_GROUP = 12
EXCERPT = 180
TERM = re.compile(r"\w+")
SHORTEST_PREFIX, SHORTEST_MISSPELT = 3, 4
PREFIX, MISSPELT = 0.6, 0.35
"""What a match is worth that is only the beginning of a word, or one letter off."""
WEIGHTS = {"title": 10.0, "learned": 4.0, "question": 4.0, "runs": 3.0, "says": 3.0, "text": 1.0}


@dataclass(frozen=True)
class Part:
    """A piece of text of something that is found. `sealed` parts are kept back until a place is revealed."""

    kind: str
    text: str
    sealed: bool = False


@dataclass(frozen=True)
class Document:
    """Something that can be found: a place, one of its claims, a word."""

    group: str
    title: str
    address: str
    place: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Hit:
    """A document that was found: how well, by which `terms`, best in which `part`."""

    document: Document
    score: float
    part: Part
    terms: frozenset[str]

    @property
    def excerpt(self) -> tuple[tuple[str, bool], ...]:
        """A piece of the part, in runs of text that matched or did not; made only for what is shown."""
        return marked(self.part.text, self.terms)


@dataclass
class _Term:
    """Where a term stands: document, part, how often; and how rare it is, as it stands in all texts."""

    postings: list[tuple[int, int, int]] = field(default_factory=list)
    rare: float = 0.0


@dataclass
class _Match:
    """What a query has found of a document so far."""

    score: float = 0.0
    words: set[int] = field(default_factory=set)
    parts: dict[int, float] = field(default_factory=dict)
    terms: set[str] = field(default_factory=set)


def folded(text: str) -> str:
    """Returns text as it is compared: no case, no accents, no ligatures."""
    if text.isascii():
        return text.lower()
    flat = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in flat if not unicodedata.combining(each))


def terms(text: str) -> list[str]:
    """Returns the words of a text as they are compared."""
    return TERM.findall(folded(text))


class Index:
    """Documents by their words."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = list(documents)
        self._terms: dict[str, _Term] = {}
        for number, document in enumerate(self.documents):
            for place, part in enumerate(document.parts):
                counts: dict[str, int] = {}
                for term in terms(part.text):
                    counts[term] = counts.get(term, 0) + 1
                for term, count in counts.items():
                    self._terms.setdefault(term, _Term()).postings.append((number, place, count))
        for found in self._terms.values():
            found.rare = math.log(1 + len(self.documents) / len({each[0] for each in found.postings}))
        self._sorted = sorted(self._terms)
        self._near: dict[str, list[str]] = {}
        for term in self._sorted:
            if len(term) >= SHORTEST_MISSPELT - 1:
                for shorter in _shortened(term):
                    self._near.setdefault(shorter, []).append(term)

    def find(self, query: str, revealed: Collection[str]) -> list[Hit]:
        """Returns what a query finds, the best first: what has all of its words, else what has most.

        Sealed parts count only for the places in `revealed`.
        """
        asked = list(dict.fromkeys(terms(query[:LONGEST_QUERY])))[:MOST_WORDS]
        matches: dict[int, _Match] = {}
        for number, word in enumerate(asked):
            for term, worth in self._meant(word):
                value = worth * self._terms[term].rare
                for document, place, count in self._terms[term].postings:
                    part = self.documents[document].parts[place]
                    if part.sealed and self.documents[document].place not in revealed:
                        continue
                    match = matches.setdefault(document, _Match())
                    match.score += value * WEIGHTS[part.kind] * (count / (count + 1))
                    match.words.add(number)
                    match.parts[place] = match.parts.get(place, 0.0) + value
                    match.terms.add(term)
        most = max((len(match.words) for match in matches.values()), default=0)
        if most == len(asked):
            matches = {document: match for document, match in matches.items() if len(match.words) == most}
        hits = [self._hit(document, match, len(asked)) for document, match in matches.items()]
        return sorted(hits, key=lambda hit: (-hit.score, hit.document.title))

    def _hit(self, document: int, match: _Match, asked: int) -> Hit:
        """Returns a hit with the part that matched the most; the title is shown anyhow."""
        parts = self.documents[document].parts
        inner = [place for place in match.parts if parts[place].kind != "title"]
        if inner:
            best = max(inner, key=lambda place: (match.parts[place], -place))
        else:
            best = 1 if len(parts) > 1 and not parts[1].sealed else 0
        score = match.score * (len(match.words) / asked) ** 2
        return Hit(self.documents[document], score, parts[best], frozenset(match.terms))

    def _meant(self, word: str) -> list[tuple[str, float]]:
        """Returns the terms that a word of a query may mean, and what each is worth."""
        found = {word: 1.0} if word in self._terms else {}
        if len(word) >= SHORTEST_PREFIX:
            for term in self._sorted[bisect_left(self._sorted, word) :]:
                if not term.startswith(word):
                    break
                found.setdefault(term, PREFIX)
        # Only who found nothing was misspelt: `pool` does not mean `poll`.
        if not found and len(word) >= SHORTEST_MISSPELT:
            candidates = {near for each in (word, *_shortened(word)) for near in self._near.get(each, ())}
            candidates |= {each for each in _shortened(word) if each in self._terms}
            found = {each: MISSPELT for each in candidates if one_letter_off(word, each)}
        return list(found.items())


def _shortened(term: str) -> set[str]:
    """Returns a term without one of its letters, and itself."""
    return {term, *(term[:place] + term[place + 1 :] for place in range(len(term)))}


def one_letter_off(one: str, other: str) -> bool:
    """Decides whether one letter more, less or changed, or two swapped, make one word of the other."""
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    start = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    if len(one) == len(other):
        swapped = one[start : start + 2] == other[start : start + 2][::-1]
        return one[start + 1 :] == other[start + 1 :] or (swapped and one[start + 2 :] == other[start + 2 :])
    shorter, longer = sorted((one, other), key=len)
    return shorter[start:] == longer[start + 1 :]


def marked(text: str, found: Collection[str]) -> tuple[tuple[str, bool], ...]:
    """Returns two lines or so of a text around the first of the terms, cut into what matched and what not."""
    spots = [match.span() for match in TERM.finditer(text) if folded(match[0]) in found]
    start = max(0, _richest(text, spots) - EXCERPT // 3)
    start = text.rfind(" ", 0, start) + 1 if start else 0
    end = min(len(text), start + EXCERPT)
    end = text.rfind(" ", start, end) if end < len(text) and " " in text[start:end] else end
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for first, last in spots:
        if first < at or last > end:
            continue
        pieces += [(text[at:first], False), (text[first:last], True)]
        at = last
    pieces.append((text[at:end] + (" …" if end < len(text) else ""), False))
    return tuple(piece for piece in pieces if piece[0])


def _richest(text: str, spots: list[tuple[int, int]]) -> int:
    """Returns the first of the matches behind which the most different ones stand close together."""

    def within(at: int) -> int:
        return len(
            {folded(text[first:last]) for first, last in spots if at <= first and last <= at + EXCERPT // 2}
        )

    return max((first for first, _ in spots), key=lambda at: (within(at), -at), default=0)


def plain(markdown: str) -> str:
    """Returns the words of a piece of Markdown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"^[ \t]*(?:[-*+]|\d+\.|#+|>|```.*|\|?[-:| ]+\|?$)[ \t]*", "", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*?|`|(?<!\w)_|_(?!\w)", "", text).replace("|", " ")
    return " ".join(text.split())


def documents(experiments: Iterable[Experiment]) -> Iterable[Document]:
    """Yields all that can be found: places, their claims, the words of the glossary."""
    for it in experiments:
        sections = lesson.sections(it)
        texts = [
            Part("text", plain(body), sealed=heading not in lesson.BEFORE)
            for heading, body in sections.items()
        ]
        yield Document(
            "Places",
            it.title,
            f"/{it.id}",
            it.id,
            (
                Part("title", it.title),
                Part("question", it.question),
                Part("text", it.id.replace("/", " ").replace("_", " ")),
                Part("runs", it.runs),
                Part("learned", it.learned, sealed=True),
                *texts,
            ),
        )
        for claim in it.claim:
            yield Document("Claims", it.title, f"/{it.id}", it.id, (Part("says", claim.says, sealed=True),))
    for word in glossary.words().values():
        yield Document(
            "Words",
            word.shown,
            f"/glossary#{word.anchor}",
            word.after,
            (Part("title", " ".join(word.forms)), Part("says", word.says, sealed=bool(word.after))),
        )


@cache
def index(experiments: Callable[[], Iterable[Experiment]] = catalogue.experiments) -> Index:
    """Returns the index of the atlas; made once."""
    return Index(documents(experiments()))


def grouped(hits: Iterable[Hit]) -> dict[str, list[Hit]]:
    """Returns what was found by its kind, the kind with the best first."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.document.group, []).append(hit)
    return groups
