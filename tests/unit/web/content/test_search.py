"""Search: ranked, forgiving of one letter, quick, and silent of what is sealed."""

from __future__ import annotations

import itertools
import statistics
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.web.content import lesson
from hinterland.web.content.search import (
    Index,
    documents,
    folded,
    index,
    marked,
    one_letter_off,
    plain,
    terms,
)

EXPERIMENTS = catalogue.experiments()
ALL = {it.id for it in EXPERIMENTS}
LETTERS = "abcde"


def first(query: str, revealed: set[str] = ALL) -> str:
    return index().find(query, revealed)[0].document.address


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("second click", "/apis/idempotency"),
        ("politeness", "/protocols/nagle"),
        ("write amplification", "/glossary#write-amplification"),
        ("silent clients", "/execution/c10k"),
        ("coordinated omission", "/glossary#coordinated-omission"),
        ("idempotency key", "/glossary#idempotency-key"),
    ],
)
def test_the_best_comes_first(query: str, address: str) -> None:
    assert first(query, set()) == address


@pytest.mark.parametrize("query", ["poiteness", "politenesss", "politenes", "politemess", "opliteness"])
def test_one_letter_may_be_wrong(query: str) -> None:
    assert first(query, set()) == "/protocols/nagle"


def test_the_beginning_of_a_word_is_enough_and_case_and_accents_do_not_matter() -> None:
    assert first("POLITEN", set()) == "/protocols/nagle"
    assert first("politéness", set()) == "/protocols/nagle"
    assert folded("ﬁne Straße") == "fine strasse"


@pytest.mark.parametrize("it", EXPERIMENTS, ids=lambda one: one.id)
def test_a_sealed_place_is_found_by_its_open_parts_alone(it: Experiment) -> None:
    told = [it.learned, *(claim.says for claim in it.claim)]
    told += [plain(body) for heading, body in lesson.sections(it).items() if heading not in lesson.BEFORE]
    open_parts = [plain(lesson.sections(it).get(heading, "")) for heading in lesson.BEFORE]
    name = it.id.replace("/", " ").replace("_", " ")
    shown = " ".join([it.title, it.question, it.runs, name, *open_parts])
    kept_back = {word for text in told for word in terms(text)} - set(terms(shown))
    assert kept_back
    for word in sorted(kept_back):
        for hit in index().find(word, set()):
            if hit.document.place == it.id:
                # By another word that it shows, one that begins so, perhaps: never by the one that it keeps.
                assert not any(is_match and folded(text) == word for text, is_match in hit.excerpt), word
                assert not any(part.sealed for part in hit.document.parts if part.text == "".join(
                    text for text, _ in hit.excerpt)), word  # fmt: skip
    for text in told:
        for hit in index().find(text, set()):
            excerpt = "".join(piece for piece, _ in hit.excerpt).strip("… ")
            assert hit.document.group != "Claims"
            assert hit.document.place != it.id or excerpt in shown or excerpt in " ".join(shown.split())


def test_once_revealed_it_is_found_by_all_of_it() -> None:
    nagle = catalogue.find("protocols/nagle")
    [claim, *_] = [
        hit for hit in index().find(nagle.claim[0].says, {nagle.id}) if hit.document.group == "Claims"
    ]
    assert claim.document.address == "/protocols/nagle"
    assert any(is_match for _, is_match in claim.excerpt)


@pytest.mark.parametrize(
    "query", ["", "   ", "?!", "\0", "\U0001f600", "‮ abc", "a" * 100_000, "ab " * 5_000, "%", "'"]
)
def test_whatever_is_asked_is_answered(query: str) -> None:
    assert isinstance(index().find(query, ALL), list)


@given(st.text(max_size=60))
def test_any_text_is_answered(query: str) -> None:
    for hit in index().find(query, ALL):
        assert hit.score > 0
        assert "".join(text for text, _ in hit.excerpt)


@given(st.text(LETTERS, min_size=1, max_size=7), st.text(LETTERS, min_size=1, max_size=7))
def test_one_letter_off_is_one_change_and_no_more(one: str, other: str) -> None:
    near = {one[:at] + one[at + 1 :] for at in range(len(one))}
    near |= {one[:at] + letter + one[at:] for at in range(len(one) + 1) for letter in LETTERS}
    near |= {one[:at] + letter + one[at + 1 :] for at in range(len(one)) for letter in LETTERS}
    near |= {one[:at] + one[at + 1] + one[at] + one[at + 2 :] for at in range(len(one) - 1)}
    assert one_letter_off(one, other) == (other in near or one == other)


@given(st.text(max_size=400), st.text(max_size=8))
def test_an_excerpt_is_a_piece_of_its_text(text: str, word: str) -> None:
    pieces = marked(text, set(terms(word)))
    said = "".join(piece for piece, _ in pieces)
    assert said.removeprefix("… ").removesuffix(" …") in text or said in text


def test_markdown_is_read_as_words() -> None:
    text = "## Why\n\n- **A** [link](http://x/y) and `code_of`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert plain(text) == "Why A link and code_of a b 1 2"


def test_as_many_places_as_the_map_has_are_searched_in_a_few_milliseconds() -> None:
    many = [
        msgspec.structs.replace(it, id=f"{it.id}_{number}")
        for number, it in zip(range(116), itertools.cycle(EXPERIMENTS), strict=False)
    ]
    large = Index(documents(many))
    took = []
    for query in ("round trip", "idempotncy key", "how many connections does a pool need", "conn", "the"):
        begun = time.process_time()
        for _ in range(5):
            hits = large.find(query, {it.id for it in many})
            assert all(hit.excerpt for hit in hits[:36])
        took.append((time.process_time() - begun) / 5)
    assert statistics.median(took) < 0.02, took
