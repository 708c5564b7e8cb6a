"""What only a browser shows of the pages: what is in view, where it stands, how it prints, what it costs."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from web_lab import Reader, serving

from hinterland.web import app
from hinterland.web.content import atlas

pytestmark = [pytest.mark.system, pytest.mark.web]
DESK, PHONE = (1280, 800), (390, 844)
PAGES = ("/", "/map/protocols", "/map/security", "/protocols/nagle", "/paths", "/runs", "/notebook")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with serving(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def tab(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], None]
) -> Iterator[Browser]:
    require("program:chromium")
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        found.go(reader.address)
        yield found


@pytest.fixture
def browser(tab: Browser) -> Iterator[Browser]:
    sized(tab, DESK)
    yield tab
    tab.say("Emulation.setEmulatedMedia", media="", features=[])
    assert tab.complaints == []


def sized(browser: Browser, size: tuple[int, int]) -> None:
    width, height = size
    browser.say(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
    )  # fmt: skip


def at(reader: Reader, path: str) -> str:
    return f"http://{reader.host}:{reader.port}{path}"


def in_view(browser: Browser, selector: str) -> bool:
    return bool(
        browser.run(
            f"(() => {{ const b = document.querySelector('{selector}').getBoundingClientRect();"
            " return b.top >= 0 && b.left >= 0 && b.bottom <= innerHeight && b.right <= innerWidth; })()"
        )
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_what_this_is_and_the_first_step_are_seen_at_once(
    browser: Browser, reader: Reader, size: tuple[int, int]
) -> None:
    sized(browser, size)
    browser.go(at(reader, "/"))
    assert browser.run("scrollY") == 0
    for selector in ("h1", ".intro p", ".start .button"):
        assert in_view(browser, selector), selector
    assert "Start here" in browser.run("document.querySelector('.start').innerText")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_left_edge(browser: Browser, reader: Reader, path: str) -> None:
    browser.go(at(reader, path))
    edges = browser.run(
        "['.top .name', 'main h1', '.sheet svg'].map((each) => document.querySelector(each))"
        ".filter(Boolean).map((each) => Math.round(each.getBoundingClientRect().left))"
    )
    assert len(set(edges)) == 1, edges


def test_the_map_itself_begins_at_that_edge(browser: Browser, reader: Reader) -> None:
    browser.go(at(reader, "/"))
    frame = "document.querySelectorAll('svg.atlas .frame rect')[1].getBoundingClientRect()"
    apart = browser.run(f"{frame}.left - document.querySelector('h1').getBoundingClientRect().left")
    assert 0 <= apart < 6


@pytest.mark.parametrize("path", PAGES)
def test_nothing_sticks_out_on_a_phone(browser: Browser, reader: Reader, path: str) -> None:
    sized(browser, PHONE)
    browser.go(at(reader, path))
    assert browser.run("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("path", ["/", "/protocols/nagle"])
def test_a_page_is_laid_out_once_and_in_its_own_letters(browser: Browser, reader: Reader, path: str) -> None:
    browser.say("Network.enable")
    browser.say("Network.setCacheDisabled", cacheDisabled=True)
    browser.go(at(reader, path))
    shifted = browser.run(
        "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => {"
        " for (const each of list.getEntries()) sum += each.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
        " setTimeout(() => done(sum), 300); })"
    )
    assert shifted < 0.01
    assert browser.run("[...document.fonts].filter((each) => each.status === 'loaded').length") >= 2
    browser.say("Network.setCacheDisabled", cacheDisabled=False)


def test_keys_go_along_the_way_and_are_seen(browser: Browser, reader: Reader) -> None:
    browser.go(at(reader, "/"))
    order = browser.run(
        "[...document.querySelectorAll('svg.atlas a.place')].map((each) => each.getAttribute('href'))"
    )
    surveyed = [f"/{each}" for each in atlas.drawn()["path"] if f"/{each}" in order]
    assert [each for each in order if each in surveyed] == surveyed
    first = "svg.atlas a.place"
    browser.run(f"document.querySelector('{first}').focus()")
    browser.key("Tab", 9)
    focused = "document.activeElement"
    assert browser.run(f"{focused}.matches('a.place') && {focused}.getAttribute('href')") == order[1]
    assert browser.run(f"getComputedStyle({focused}.querySelector('.room')).stroke") != "none"


def test_a_state_looks_the_same_on_the_map_and_in_the_list(browser: Browser, reader: Reader) -> None:
    browser.go(at(reader, "/"))
    shapes = "(each) => [...each.querySelectorAll('circle, rect, path')].map((one) => one.outerHTML).join('')"
    for state in ("waiting", "refuted", "holds", "missing"):
        drawn = browser.run(f"({shapes})(document.getElementById('m-{state}'))")
        assert drawn
        assert drawn == browser.run(f"({shapes})(document.querySelector('.key .sign.{state}'))")


def test_a_place_of_the_list_says_where_it_lies(browser: Browser, reader: Reader) -> None:
    browser.go(at(reader, "/"))
    text = browser.run("document.querySelector('.places a[href=\"/protocols/nagle\"] .grid').innerText")
    assert text == atlas.drawn()["places"]["protocols/nagle"]["grid"]


def test_it_prints_as_a_poster(browser: Browser, reader: Reader) -> None:
    browser.say("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.go(at(reader, "/"))
    made = base64.b64decode(
        browser.say("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
    )
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", made)
    assert len(boxes) == 1
    assert float(boxes[0][0]) > float(boxes[0][1])


def test_forced_colours_leave_the_map_legible(browser: Browser, reader: Reader) -> None:
    browser.say("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    browser.go(at(reader, "/"))
    assert browser.run("matchMedia('(forced-colors: active)').matches")
    text = "getComputedStyle(document.querySelector('svg.atlas .planned text'))"
    assert browser.run(f"{text}.fill") != browser.run(f"{text}.stroke")


def test_nothing_moves_by_itself() -> None:
    for name in app.KINDS:
        if name.endswith((".css", ".js")):
            text = app._content(name).decode()
            assert not re.search(
                r"\btransition\s*:|\banimation\s*:|@keyframes|requestAnimationFrame", text
            ), name


def test_a_lesson_does_not_stick_out_on_a_phone(browser: Browser, reader: Reader) -> None:
    reader.post("/protocols/slow_start/prediction", {"skip": "1"})
    sized(browser, PHONE)
    browser.go(at(reader, "/protocols/slow_start"))
    assert browser.run("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_run_is_watched_at_little_cost(browser: Browser, reader: Reader, tmp_path: Path) -> None:
    """The page of a run: at most a change a second, nothing that moves, its time and Stop at the top."""
    browser.go(at(reader, "/execution/blocked_loop"))
    browser.until("document.querySelector('.marks.drawn')")
    browser.run("document.querySelector('.marks input').value = '150'")
    browser.click("form[action$=prediction] button.quiet")
    browser.until("document.querySelector('form[action$=runs] button')")
    # What was expected stands on the chart, and nothing of what will come.
    assert "What you expect." in browser.run("document.querySelector('.go figure').innerText")
    browser.click("form[action$=runs] button")
    browser.until("document.querySelector('#live .card td:not(.none)')")
    browser.run("scrollTo(0, 0)")
    assert in_view(browser, "#clock")
    assert in_view(browser, ".stop")
    browser.run(
        "window.beats = []; new MutationObserver(() => beats.push(performance.now()))"
        ".observe(document.body, {childList: true, subtree: true, characterData: true})"
    )
    browser.until("document.querySelector('#live .look')?.innerText.includes('more trial')")
    browser.until("beats.length >= 8")
    pace = browser.run("(beats.length - 1) / ((beats.at(-1) - beats[0]) / 1000)")
    assert pace <= 2
    assert browser.run("document.getAnimations().length") == 0
    assert re.fullmatch(r"\d+ s, .*", browser.run("document.getElementById('clock').innerText"))
    gauges = browser.run("document.querySelector('.gauges').innerText")
    assert re.search(r"Watching costs\s+[\d.]+ % of a core", gauges)
    column = browser.run("document.querySelector('main').getBoundingClientRect().right")
    assert (
        browser.run("document.querySelector('#live figure svg.wide').getBoundingClientRect().right")
        <= column + 1
    )
    browser.click(".stop")
    browser.until("document.querySelector('#verdicts')", 60)
    sized(browser, PHONE)
    assert browser.run("document.querySelector('.lesson') !== null")
    assert browser.run("document.documentElement.scrollWidth") <= PHONE[0]
