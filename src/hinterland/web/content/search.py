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
    """A document that was found: how well, and a piece of it, in runs of text that matched or did not."""

    document: Document
    score: float
    excerpt: tuple[tuple[str, bool], ...]


@dataclass
class _Term:
    """Where a term stands: document, part, how often."""

    postings: list[tuple[int, int, int]] = field(default_factory=list)


def folded(text: str) -> str:
    """Returns text as it is compared: no case, no accents, no ligatures."""
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
        scores: dict[int, float] = {}
        matched: dict[int, set[int]] = {}
        used: dict[int, dict[int, float]] = {}
        shown: dict[int, set[str]] = {}
        for number, word in enumerate(asked):
            for term, worth in self._meant(word):
                # How rare a word is: as it stands in all texts, whoever asks.
                rare = math.log(
                    1 + len(self.documents) / len({each[0] for each in self._terms[term].postings})
                )
                for document, place, count in self._terms[term].postings:
                    part = self.documents[document].parts[place]
                    if part.sealed and self.documents[document].place not in revealed:
                        continue
                    gained = worth * rare * WEIGHTS[part.kind] * (count / (count + 1))
                    scores[document] = scores.get(document, 0.0) + gained
                    matched.setdefault(document, set()).add(number)
                    parts = used.setdefault(document, {})
                    parts[place] = parts.get(place, 0.0) + worth * rare
                    shown.setdefault(document, set()).add(term)
        hits = [
            Hit(
                self.documents[document],
                score * (len(matched[document]) / len(asked)) ** 2,
                self._excerpt(document, used[document], shown[document]),
            )
            for document, score in scores.items()
        ]
        whole = {document for document in scores if len(matched[document]) == len(asked)}
        if whole:
            hits = [hit for document, hit in zip(scores, hits, strict=True) if document in whole]
        return sorted(hits, key=lambda hit: (-hit.score, hit.document.title))

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

    def _excerpt(
        self, document: int, used: dict[int, float], found: set[str]
    ) -> tuple[tuple[str, bool], ...]:
        """Returns the piece of the part with most matches around its first one; titles are shown anyhow."""
        parts = self.documents[document].parts
        inner = {place: worth for place, worth in used.items() if parts[place].kind != "title"}
        best = max(inner or used, key=lambda place: (used[place], -place))
        if not inner:
            best = min(1, len(parts) - 1) if not parts[min(1, len(parts) - 1)].sealed else 0
        return marked(parts[best].text, found)


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
            "",
            (Part("title", " ".join(word.forms)), Part("says", word.says)),
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
