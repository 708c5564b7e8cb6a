"""The whole way, as people go it: by keys, by touch, without a script, in many tabs, in the dark."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from crawl import been_about, found_from, kind_of
from kept_runs import exchanges, finish, keep, land
from web_lab import Reader, serving

from hinterland.web.reader.notebook import Entry, Notebook

pytestmark = [pytest.mark.system, pytest.mark.web]
MOST_TABS = 100
TABS = 8
COUNTED = """
    window.streams = [];
    window.EventSource = class extends EventSource {
        constructor(...given) { super(...given); window.streams.push(this); }
    };
"""
OPEN_STREAMS = "window.streams.filter((each) => each.readyState !== 2).length"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


@pytest.fixture
def browser(reader: Reader, tmp_path: Path, require: Callable[[str], None]) -> Iterator[Browser]:
    require("program:chromium")
    with browsing(tmp_path / "profile") as found:
        found.go(reader.address)
        yield found
        # A page that is not there is one of those that are looked at.
        assert [each for each in found.complaints if "404" not in each] == []


def at(reader: Reader, path: str) -> str:
    return f"http://{reader.host}:{reader.port}{path}"


def predicted(store: Path) -> Entry:
    found = Notebook(store).latest("protocols/nagle")
    assert found is not None
    return found


def landed(browser: Browser) -> int:
    return int(browser.run("document.querySelectorAll('#live .card td:not(.none)').length"))


def walk_to(browser: Browser, selector: str) -> None:
    """Presses Tab until an element has the focus, and sees each stop: who goes by keys must see where."""
    for _ in range(MOST_TABS):
        browser.press("Tab")
        if browser.run(f"document.activeElement.matches({json.dumps(selector)})"):
            return
        assert browser.run(
            "(() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'"
            " || document.activeElement === document.body; })()"
        ), browser.run("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"{selector} is not reached by Tab")


def test_by_keys_alone_from_the_map_to_a_run(
    browser: Browser, store: Path, require: Callable[[str], None]
) -> None:
    require("capability:link")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("Enter")
    walk_to(browser, ".start a.button")
    browser.press("Enter")
    browser.until("document.querySelector('.marks.drawn')")
    assert browser.run("location.pathname") == "/protocols/nagle"
    walk_to(browser, "input[name=number]")
    for letter in "60":
        browser.press(letter)
    walk_to(browser, "#mark-0")
    for letter in "55.5":
        browser.press(letter)
    walk_to(browser, "input[name=within]")
    walk_to(browser, "input[name=why]")
    for letter in "politeness":
        browser.press(letter)
    walk_to(browser, "button.quiet")
    browser.press("Enter")
    browser.until("document.querySelector('form[action$=runs] button')")
    entry = predicted(store)
    assert (entry.number, entry.marks, entry.within) == (60.0, {"two_writes": 55.5}, 2.0)
    walk_to(browser, "form[action$=runs] button")
    browser.press(" ")
    browser.until("location.pathname.startsWith('/runs/') || location.pathname.startsWith('/waiting/')")
    browser.until("document.querySelector('form[action$=stop] button')")
    browser.until("document.querySelector('#live')")
    walk_to(browser, "form[action$=stop] button")
    browser.press("Enter")
    browser.until("document.body.innerText.includes('interrupted')")


def test_by_drawing_the_value_is_written_and_kept(browser: Browser, reader: Reader, store: Path) -> None:
    browser.go(at(reader, "/protocols/nagle"))
    browser.until("document.querySelector('.marks.drawn')")
    left, top, width, height = browser.box(".marks tr:nth-child(2) td.line svg")
    browser.stroke((left + width * 0.2, top + height / 2), (left + width * 0.75, top + height / 2))
    text = browser.run("document.querySelector('#mark-1').value")
    assert 100 < float(text) < 300
    browser.click("form[action$=prediction] button.quiet")
    browser.until("document.querySelector('form[action$=runs]')")
    assert predicted(store).marks == {"no_delay": float(text)}
    assert "1 mark on the chart" in browser.run("document.body.innerText")


def test_a_finger_places_a_mark_and_the_page_still_scrolls(
    browser: Browser, reader: Reader, store: Path
) -> None:
    browser.say("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    browser.say("Emulation.setTouchEmulationEnabled", enabled=True)
    browser.go(at(reader, "/protocols/nagle"))
    browser.until("document.querySelector('.marks.drawn')")
    left, top, width, height = browser.box(".marks tr:nth-child(1) td.line svg")
    spot = [{"x": left + width / 2, "y": top + height / 2}]
    browser.say("Input.dispatchTouchEvent", type="touchStart", touchPoints=spot)
    browser.say("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    browser.until("document.querySelector('#mark-0').value !== ''")
    assert 5 < float(browser.run("document.querySelector('#mark-0').value")) < 20
    before = browser.run("scrollY")
    # Beside the lines a finger moves the page.
    browser.say("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 60, "y": 200}])
    for y in range(220, 500, 20):
        browser.say("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": 60, "y": y}])
    browser.say("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    browser.until(f"scrollY < {before}")


def test_a_reload_in_mid_run_loses_nothing_and_the_end_comes_by_itself(
    browser: Browser, reader: Reader, store: Path
) -> None:
    run = keep(store, "protocols/nagle", [], "running")
    first, second, third = exchanges(60, 61, 62)
    browser.go(at(reader, f"/runs/{run}"))
    land(store, run, first)
    browser.until("document.querySelectorAll('#live .card td:not(.none)').length === 1")
    browser.say("Page.reload")
    browser.until("document.readyState === 'complete' && document.querySelector('#live')")
    assert landed(browser) == 1
    land(store, run, second)
    browser.until("document.querySelectorAll('#live .card td:not(.none)').length === 2")
    land(store, run, third)
    finish(store, run)
    browser.until("document.querySelector('#verdicts')")
    assert "3 trials" in reader.get(f"/runs/{run}/report").text


def test_of_eight_tabs_only_the_one_that_is_looked_at_streams(
    browser: Browser, reader: Reader, store: Path
) -> None:
    run = keep(store, "protocols/nagle", [], "running")
    trials = exchanges(60, 61)
    with contextlib.ExitStack() as opened:
        tabs = [browser, *(opened.enter_context(browser.another()) for _ in range(TABS - 1))]
        for tab in tabs:
            tab.say("Page.addScriptToEvaluateOnNewDocument", source=COUNTED)
            tab.say("Page.bringToFront")
            tab.go(at(reader, f"/runs/{run}"))
            tab.until(f"{OPEN_STREAMS} === 1")
        for tab in tabs[:-1]:
            tab.until(f"{OPEN_STREAMS} === 0")
        land(store, run, trials[0])
        tabs[-1].until("document.querySelectorAll('#live .card td:not(.none)').length === 1")
        assert landed(tabs[0]) == 0, "who does not look need not be told"
        # A browser has six connections for a site: another page still comes.
        with browser.another() as ninth:
            ninth.go(at(reader, "/notebook"))
            assert ninth.run("document.querySelector('h1').textContent") == "Notebook"
        tabs[0].say("Page.bringToFront")
        tabs[0].until("document.querySelectorAll('#live .card td:not(.none)').length === 1")
        tabs[-1].until(f"{OPEN_STREAMS} === 0")
        land(store, run, trials[1])
        finish(store, run)
        tabs[0].until("document.querySelector('#verdicts')")
        for tab in tabs[1:]:
            tab.say("Page.bringToFront")
            tab.until("document.querySelector('#verdicts')")
            assert tab.complaints == []


def test_without_a_script_all_can_be_read_and_a_run_started(
    browser: Browser, reader: Reader, store: Path
) -> None:
    been_about(reader, store)
    browser.say("Emulation.setScriptExecutionDisabled", value=True)
    kinds = set()
    for path in found_from(browser, reader):
        kinds.add(kind_of(path))
        assert len(browser.run("document.querySelector('main').innerText")) > 50, path
        assert browser.run("document.querySelectorAll('.drawn').length") == 0, "a script ran"
    assert {"/", "/runs/{run}", "/{region}/{name}", "/paths"} <= kinds
    browser.go(at(reader, "/execution/acceptors"))
    browser.click("input[name=number]")
    for letter in "25":
        browser.press(letter)
    browser.click("form[action$=prediction] button[name=run]")
    browser.until("location.pathname.startsWith('/runs/')")
    browser.until("document.querySelector('noscript')?.textContent.includes('Without a script')")
    browser.click("form[action$=stop] button")
    browser.until("document.readyState === 'complete' && document.body.innerText.includes('25 clients')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone_and_each_has_its_theme(
    browser: Browser, reader: Reader, store: Path, theme: str
) -> None:
    been_about(reader, store)
    browser.say("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.say(
        "Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False
    )
    wide, wrong = [], []
    for path in found_from(browser, reader):
        if browser.run("document.documentElement.scrollWidth") > 390:
            wide.append(path)
        paper, ink = (
            browser.run(f"getComputedStyle(document.body).{name}.match(/\\d+/g).slice(0, 3).map(Number)")
            for name in ("backgroundColor", "color")
        )
        if (sum(paper) > sum(ink)) != (theme == "light"):
            wrong.append(path)
    assert (wide, wrong) == ([], [])
