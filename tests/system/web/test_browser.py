"""The whole way in a real browser: from the map to a mark, a run, and what it came to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from web_lab import Reader, serving

from hinterland import catalogue

pytestmark = [pytest.mark.system, pytest.mark.web]
AXIS_SHARE = 9 / 400
"""How far from the edge of its drawing an axis begins."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with serving(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture
def browser(reader: Reader, tmp_path: Path, require: Callable[[str], None]) -> Iterator[Browser]:
    require("program:chromium")
    with browsing(tmp_path) as found:
        found.go(reader.address)
        yield found
        assert found.complaints == []


def at(reader: Reader, path: str) -> str:
    return f"http://{reader.host}:{reader.port}{path}"


def sheet(browser: Browser, reader: Reader, place: str) -> None:
    """Opens a sealed place, and waits until its sheet is drawn: what lies below moves as it grows."""
    browser.go(at(reader, place))
    browser.until("document.querySelector('.marks.drawn')")


def marks_of(browser: Browser) -> list[float | None]:
    """Returns what the sheet's numbers say, row by row."""
    texts = browser.run("[...document.querySelectorAll('.marks input')].map((each) => each.value)")
    return [float(text) if text else None for text in texts]


def test_the_token_is_gone_from_the_address(browser: Browser) -> None:
    assert "token" not in browser.run("location.href")
    assert browser.run("document.querySelectorAll('svg.atlas a.place').length") == len(
        catalogue.experiments()
    )


def test_a_click_on_the_map_opens_the_place(browser: Browser) -> None:
    left, top, width, height = browser.box('a.place[href="/execution/blocked_loop"] .room')
    browser.stroke((left + width / 2, top + height / 2))
    browser.until("location.pathname === '/execution/blocked_loop'")


def test_the_map_zooms_by_keys_and_a_drag_opens_nothing(browser: Browser) -> None:
    left, top, width, height = browser.box("svg.atlas")
    browser.mouse("mouseMoved", left + width / 2, top + height / 2)
    browser.key("+", 187)
    browser.key("+", 187)
    before = json.loads(
        browser.run("JSON.stringify(document.querySelector('svg.atlas').getAttribute('viewBox').split(' '))")
    )
    assert float(before[2]) < 1000
    browser.stroke((left + width / 2, top + height / 2), (left + width / 2 - 80, top + height / 2 - 40))
    after = browser.run("document.querySelector('svg.atlas').getAttribute('viewBox').split(' ').map(Number)")
    assert after[0] > float(before[0])
    assert browser.run("location.pathname") == "/"
    browser.key("0", 48)
    assert browser.run("document.querySelector('svg.atlas').getAttribute('viewBox')") == "0 0 1400 900"


def test_one_stroke_marks_every_row_that_it_crosses(browser: Browser, reader: Reader) -> None:
    sheet(browser, reader, "/protocols/nagle")
    first, last = (browser.box(f".marks tr:nth-child({row}) td.line svg") for row in (1, 4))
    x = first[0] + first[2] * (AXIS_SHARE + 0.5 * (1 - 2 * AXIS_SHARE))
    # The sheet was scrolled since: where does the first row lie now?
    top = browser.run("document.querySelector('.marks td.line svg').getBoundingClientRect().y")
    # Two events alone, as of a quick hand: the rows between are set as well.
    browser.stroke((x, top + first[3] / 2), (x, last[1] + last[3] / 2))
    found = marks_of(browser)
    assert len(found) == 4
    # The middle of an axis from 0.1 to 1,000 ms.
    assert all(value is not None and 9 <= value <= 11 for value in found), found


def test_keys_move_a_mark_and_take_it_back(browser: Browser, reader: Reader) -> None:
    sheet(browser, reader, "/protocols/nagle")
    browser.run("document.querySelector('.marks td.line svg').focus()")
    browser.key("ArrowRight", 39)
    [first, *others] = marks_of(browser)
    assert first is not None
    assert 10 < first < 14
    assert others == [None, None, None]
    assert "ms" in browser.run("document.querySelector('.marks td.line svg').getAttribute('aria-valuetext')")
    browser.key("Escape", 27)
    assert marks_of(browser) == [None] * 4


def test_predict_run_and_see(browser: Browser, reader: Reader) -> None:
    sheet(browser, reader, "/execution/blocked_loop")
    browser.run("document.querySelector('.marks input').value = '150'")
    browser.run("document.querySelector('input[name=why]').value = 'one thread'")
    browser.click("form[action$=prediction] button")
    browser.until("document.querySelector('#live')")
    browser.until("document.querySelector('#live .card td:not(.none)')")
    # A reload in the middle loses nothing.
    browser.say("Page.reload")
    browser.until("document.querySelector('#live .card td:not(.none)')")
    browser.until("document.querySelector('#verdicts')", 180)
    text = browser.run("document.body.innerText")
    assert "one thread" in text
    assert "You said" in text
    browser.go(at(reader, "/"))
    state = browser.run(
        "document.querySelector('a.place[href=\"/execution/blocked_loop\"]').className.baseVal"
    )
    assert state in ("place holds", "place inconclusive")
