"""The glossary: each word once, in order, used somewhere, and linked where a lesson first uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.package import FOLDER
from hinterland.web.content import glossary, lesson
from hinterland.web.content.search import index

EXPERIMENTS = catalogue.experiments()
WORDS = glossary.words()


def everything() -> str:
    lessons = ("experiments/*/*/lesson.md", "experiments/*/*/experiment.toml")
    reports = ("report/**/*.py", "report/**/*.j2", "web/templates/*.j2", "model/*.py")
    paths = [path for kind in (*lessons, *reports) for path in Path(FOLDER).glob(kind)]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_words_are_in_order_and_none_is_there_twice() -> None:
    assert list(WORDS) == sorted(WORDS)
    assert all(name == name.lower() for name in WORDS)
    forms = [form.lower() for word in WORDS.values() for form in word.forms]
    assert len(forms) == len(set(forms))
    anchors = [word.anchor for word in WORDS.values()]
    assert len(anchors) == len(set(anchors))
    assert all(anchors)
    assert len(WORDS) >= 50


def test_every_word_is_used_somewhere() -> None:
    text = everything()
    unused = [
        name
        for name, word in WORDS.items()
        if not any(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text, re.IGNORECASE) for form in word.forms)
    ]
    assert unused == []


def test_a_word_is_said_in_one_or_two_sentences() -> None:
    for name, word in WORDS.items():
        assert word.says.endswith("."), name
        assert 1 <= len(re.findall(r"[.?](?= |$)", word.says)) <= 2, name
        assert 20 <= len(word.says) <= 240, name


@pytest.mark.parametrize("it", EXPERIMENTS, ids=lambda one: one.id)
def test_no_word_says_what_a_sealed_place_keeps_back(it: Experiment) -> None:
    told = {it.learned, it.prediction.answer, *(claim.says for claim in it.claim)}
    for word in WORDS.values():
        assert word.says not in told
        assert not any(each and len(each) > 40 and each in word.says for each in told)


def test_a_word_is_linked_where_it_is_first_used_and_nowhere_else() -> None:
    seen: set[str] = set()
    html = (
        "<h3>Round trip</h3><p><code>round trip</code> a <a href='x'>round trip</a> and a"
        " <em>Round trip</em>, two round trips</p><pre><code>QUIC</code></pre>"
    )
    [(_, first)] = glossary.linked([("", html)], seen)
    assert first.count('class="word"') == 1
    assert re.search(
        r'<em><a class="word" href="/glossary#round-trip" title="[^"]+">Round trip</a></em>', first
    )
    assert seen == {"round trip"}
    assert glossary.linked([("", html)], seen) == [("", html)]


@pytest.mark.parametrize("it", EXPERIMENTS, ids=lambda one: one.id)
def test_a_lesson_stays_what_it_was_but_for_its_links(it: Experiment) -> None:
    seen: set[str] = set()
    plain = [*lesson.before(it), *lesson.after(it)]
    found = glossary.linked(plain, seen)
    links = re.findall(r'<a class="word" href="/glossary#([^"]+)"', "".join(body for _, body in found))
    assert len(links) == len(set(links)) == len(seen)
    assert len(links) >= 2
    unlinked = [(head, re.sub(r'<a class="word"[^>]*>([^<]*)</a>', r"\1", body)) for head, body in found]
    assert unlinked == plain


@pytest.mark.parametrize(
    "text", ["blocked", "proxy_pass", "/proxies", "X-buffer", "tcp_syncookies", "streams"]
)
def test_a_part_of_another_word_or_an_everyday_one_is_no_link(text: str) -> None:
    assert glossary.linked([("", text)], set()) == [("", text)]


def test_a_sealed_place_is_named_only_for_what_it_shows() -> None:
    sealed, opened = (glossary.places(EXPERIMENTS, shown) for shown in ([], [it.id for it in EXPERIMENTS]))
    for name in WORDS:
        assert {it.id for it in sealed[name]} <= {it.id for it in opened[name]}
    assert sum(map(len, sealed.values())) < sum(map(len, opened.values()))
    nagle = catalogue.find("protocols/nagle")
    assert nagle in sealed["nagle's algorithm"]


def test_a_word_that_is_the_answer_of_a_place_waits_for_it() -> None:
    later = [word for word in WORDS.values() if word.after]
    assert later
    for word in later:
        assert catalogue.find(word.after)
        [(_, html)] = glossary.linked([("", f"a {word.name} b")], set())
        assert f'href="/glossary#{word.anchor}">' in html
        found = next(hit for hit in index().find(word.name, set()) if hit.document.title == word.shown)
        assert word.says not in "".join(text for text, _ in found.excerpt)
        assert all(hit.document.title != word.shown for hit in index().find(word.says.split()[-1], set()))
