"""What a finished run's page has below its verdicts, and the sources side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from browser import Browser, browsing
from finished_runs import STORY, keep
from web_lab import Reader, serving

from hinterland import catalogue

pytestmark = pytest.mark.system
PLACE = "execution/blocked_loop"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("store")
    keep(made, "a-run", PLACE)
    return made


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


def words(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_sources_are_sealed_until_the_reader_has_said_something(
    tmp_path_factory: pytest.TempPathFactory, reader: Reader, experiment: catalogue.Experiment
) -> None:
    if experiment.id == PLACE:
        return
    answer = reader.get(f"/{experiment.id}/sources")
    assert answer.status == 403
    assert "<mark>" not in answer.text
    assert 'class="line' not in answer.text


def test_a_run_s_page_tells_its_witness_step_by_step(reader: Reader) -> None:
    page = reader.get("/runs/a-run").text
    story = page.partition('<div class="story">')[2].partition("</div>")[0]
    steps = re.findall(r"<li>(.*?)</li>", story)
    assert [words(step) for step in steps] == [
        "0 ms client 0 pays order 7",
        "12.5 ms the server is killed after the charge",
        "80 ms client 0 pays order 7 again",
        "95 ms the database holds 2 charges for order 7",
    ]


def test_what_was_published_stands_beside_what_was_measured(reader: Reader) -> None:
    it = catalogue.find(PLACE)
    section = reader.get("/runs/a-run").text.partition('id="published"')[2].partition("</section>")[0]
    told = words(section)
    for source in it.source:
        assert " ".join(source.says.split()) in told
    for claim in it.claim:
        assert (claim.says in told) == claim.main
    assert "4x (3x to 5x)" in told


def test_the_reader_s_why_stands_beside_the_lesson_s(tmp_path: Path) -> None:
    with serving(tmp_path) as reader:
        form = {"mark-0": "50", "within": "2", "why": "one <b>thread</b>"}
        assert reader.post(f"/{PLACE}/prediction", form).status == 303
        # A run that began after that.
        keep(tmp_path, "later", PLACE, started_at=4e9, ended_at=4e9 + 20)
        page = reader.get("/runs/later").text
        section = page.partition('id="why"')[2].partition("</section>")[0]
        assert "<blockquote>one &lt;b&gt;thread&lt;/b&gt;</blockquote>" in section
        assert "The lesson says" in section
        assert page.count("<h2>Why</h2>") == 0, "it stands there once"


def test_one_thing_to_try_is_a_form_with_that_level_filled_in(reader: Reader) -> None:
    page = reader.get("/runs/a-run").text
    link = re.search(r'class="try">Try <a href="([^"#]+)#go"', page)
    assert link is not None
    opened = reader.get(unescape(link[1]))
    assert opened.status == 200
    assert re.search(r'name="set-calls" value="64"', opened.text)


def test_two_sources_are_aligned_and_their_differences_marked(reader: Reader) -> None:
    reader.get("/runs/a-run")
    page = reader.get(f"/{PLACE}/sources").text
    assert "to_thread, in server.py" in page
    assert "<mark>blocking</mark>" in page
    chosen = reader.get(f"/{PLACE}/sources?a=server.py&b=server.py").text
    assert "one and the same" in chosen
    assert "<mark>" not in chosen


@pytest.mark.parametrize(
    "query", ["a=../../../etc/passwd", "a=%00", "b=<script>alert(1)</script>", "a=nowhere"]
)
def test_a_source_that_is_none_is_refused_in_words(reader: Reader, query: str) -> None:
    reader.get("/runs/a-run")
    answer = reader.get(f"/{PLACE}/sources?{query}")
    assert answer.status == 400
    assert "has no source" in answer.text
    assert "<script>alert" not in answer.text


@pytest.fixture
def browser(reader: Reader, tmp_path: Path, require: Callable[[str], None]) -> Iterator[Browser]:
    require("program:chromium")
    with browsing(tmp_path) as found:
        found.go(reader.address)
        yield found
        assert found.complaints == []


@pytest.mark.web
def test_the_story_is_stepped_through_by_buttons_and_keys(browser: Browser, reader: Reader) -> None:
    browser.go(f"http://{reader.host}:{reader.port}/runs/a-run")
    lit = (
        "[...document.querySelectorAll('.story')[0].querySelectorAll('li.lit')].map((each) => each.innerText)"
    )
    browser.until("document.querySelector('.story .steps')")
    assert browser.run(lit) == []
    browser.click(".story .steps button:nth-child(2)")
    [first] = browser.run(lit)
    assert STORY[0].says in first
    browser.run("document.querySelector('.story').focus()")
    browser.key("ArrowRight", 39)
    [second] = browser.run(lit)
    assert STORY[1].says in second
    assert browser.run("document.querySelector('.story [aria-current=step]').innerText") == second
    browser.key("End", 35)
    assert browser.run("document.querySelectorAll('.story button')[1].disabled")
    browser.key("ArrowLeft", 37)
    assert STORY[2].says in browser.run(lit)[0]
    browser.key("Escape", 27)
    assert browser.run(lit) == []


@pytest.mark.web
def test_side_by_side_becomes_one_below_the_other_on_a_phone(browser: Browser, reader: Reader) -> None:
    browser.say("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    browser.go(f"http://{reader.host}:{reader.port}/{PLACE}/sources")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    tops = "document.querySelector('.changed .%s .line:not(.none)').getBoundingClientRect()"
    left, right = (browser.run(f"{tops % side}.y") for side in ("left", "right"))
    assert right > left
