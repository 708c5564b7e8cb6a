"""The words of the lessons and reports: what each means, where it is met, and links to it."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msgspec import Struct, convert

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.web.content import lesson

FILE = Path(__file__).with_name("glossary.toml")
TAG = re.compile(r"(<[^>]+>)")
APART = ("a", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6")
"""Elements within which no word becomes a link."""


class Word(Struct, frozen=True, forbid_unknown_fields=True):
    """A word: what it `says`, under which forms it is `also` known, and whether lessons `link` to it.

    after: the place that has to be run first, because what the word says is its answer.
    """

    says: str
    also: tuple[str, ...] = ()
    link: bool = True
    after: str = ""
    name: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.name, *(form for form in self.also if form.lower() != self.name))

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name).strip("-")

    @property
    def shown(self) -> str:
        """The word as it is written in a sentence: `TLS` for tls."""
        return next((form for form in self.also if form.lower() == self.name), self.name)


@cache
def words() -> dict[str, Word]:
    """Returns the glossary by word, in the order of the alphabet."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: convert({**entry, "name": name}, Word) for name, entry in found.items()}


@cache
def _linked() -> tuple[re.Pattern[str], dict[str, Word]]:
    """Returns what finds the forms that become links, the longest first, and whose they are."""
    forms = {form.lower(): word for word in words().values() if word.link for form in word.forms}
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile(rf"(?<![\w/-])({'|'.join(map(re.escape, ordered))})(?![\w/-])", re.IGNORECASE), forms


def linked(sections: Iterable[tuple[str, str]], seen: set[str]) -> list[tuple[str, str]]:
    """Returns a lesson's headings and HTML with each word a link where it is first used.

    `seen` holds the words that were linked before on the page, and gets those of these sections.
    """
    return [(heading, _with_links(body, seen)) for heading, body in sections]


def _with_links(body: str, seen: set[str]) -> str:
    parts, within = TAG.split(body), 0
    for place, part in enumerate(parts):
        if place % 2:
            name = part.strip("</>").split()[0].lower() if part.strip("</>") else ""
            within += (-1 if part.startswith("</") else 1) if name in APART else 0
        elif part and not within:
            parts[place] = _in_text(part, seen)
    return "".join(parts)


def _in_text(text: str, seen: set[str]) -> str:
    pattern, forms = _linked()

    def link(found: re.Match[str]) -> str:
        word = forms[found[0].lower()]
        if word.name in seen:
            return found[0]
        seen.add(word.name)
        title = "" if word.after else f' title="{html.escape(word.says, quote=True)}"'
        return f'<a class="word" href="/glossary#{word.anchor}"{title}>{found[0]}</a>'

    return pattern.sub(link, text)


@cache
def _met(identity: str, whole: bool) -> frozenset[str]:
    """Returns the words that a place uses: in what stands open on it, or in all of it."""
    it = catalogue.find(identity)
    sections = lesson.sections(it)
    open_text = [it.title, it.question, it.runs, *(sections.get(heading, "") for heading in lesson.BEFORE)]
    text = "\n".join([*open_text, it.learned, *sections.values()] if whole else open_text)
    pattern, forms = _linked()
    return frozenset(forms[found.lower()].name for found in pattern.findall(text))


def places(experiments: Iterable[Experiment], revealed: Iterable[str]) -> dict[str, list[Experiment]]:
    """Returns where each word that lessons link to is met; of a place that is sealed only what it shows."""
    shown, found = set(revealed), {name: list[Experiment]() for name in words()}
    for it in experiments:
        for name in _met(it.id, it.id in shown):
            found[name].append(it)
    return found
