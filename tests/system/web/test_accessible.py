"""axe finds nothing serious on any page, light and dark: every page that a link leads to from the map."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browsing
from kept_runs import exchanges, keep
from starlette.routing import Match
from web_lab import Reader, serving

from hinterland.web.app import ROUTES

pytestmark = [pytest.mark.system, pytest.mark.web]
SERIOUS = ("serious", "critical")
EACH = 5
"""So many addresses of one kind are looked at, such as places: all are drawn by the same template."""
OWN = ("/static/", "/notebook.", "/report")
"""No pages of this site: files, and the report, which stands for itself."""
FIRST = ("/", "/nowhere", "/protocols/nagle", "/execution/blocked_loop")
"""Two places that are open, and one that is none; the others follow by links."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A server whose reader has been about: predictions, a note, runs of every kind."""
    store = tmp_path_factory.mktemp("store")
    with serving(store) as found:
        for place, form in (
            ("protocols/nagle", {"number": "60", "mark-0": "60", "within": "2", "why": "so I was told"}),
            ("execution/blocked_loop", {"option": "None", "sure": "0.7", "within": "2"}),
        ):
            assert found.post(f"/{place}/prediction", form).status == 303
        found.post("/protocols/nagle/note", {"note": "a **note**"})
        keep(
            store,
            "protocols/nagle",
            exchanges(60, 61, 62),
            forty_and_two_rounds="holds",
            cork_cures="refuted",
        )
        keep(store, "execution/blocked_loop", [], "interrupted", everybody_waits="inconclusive")
        keep(store, "protocols/nagle", exchanges(60), "running")
        yield found


@pytest.fixture
def browser(reader: Reader, tmp_path: Path, require: Callable[[str], None]) -> Iterator[Browser]:
    require("program:chromium")
    with browsing(tmp_path) as found:
        found.go(reader.address)
        yield found


def axe() -> str:
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def kind_of(path: str) -> str:
    """Returns the pattern that answers an address, empty for none."""
    scope: dict[str, Any] = {"type": "http", "path": path, "method": "GET"}
    return next((route.path for route in ROUTES if route.matches(scope)[0] == Match.FULL), "")


def found_from(browser: Browser, reader: Reader) -> Iterator[str]:
    """Yields a few addresses of each kind, and is then on that page."""
    to_see, seen, kinds = [*FIRST], set[str](), dict[str, int]()
    while to_see:
        path = to_see.pop(0)
        kind = kind_of(path)
        if path in seen or any(part in path for part in OWN) or kinds.get(kind, 0) >= EACH:
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        browser.go(f"http://{reader.host}:{reader.port}{path}")
        to_see += browser.run(
            "[...document.querySelectorAll('a[href]')].map((each) => new URL(each.href.baseVal ?? each.href,"
            " location.href)).filter((each) => each.origin === location.origin).map((each) => each.pathname)"
        )
        yield path


def complaints(browser: Browser) -> list[str]:
    """Returns what axe has to say of the page that is open, a line each."""
    script = (
        "axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations))"
    )
    found = json.loads(browser.run(script))
    return [
        f"{each['impact']}: {each['id']}: {each['help']}: {node['html'][:140]} {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("theme", "width"), [("light", 1100), ("dark", 1100), ("light", 390)])
def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, reader: Reader, theme: str, width: int
) -> None:
    browser.say("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.say(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
    )
    library, said, kinds = axe(), [], set()
    for path in found_from(browser, reader):
        kinds.add(kind_of(path))
        browser.run(f"{library}\nundefined")
        said += [f"{path}: {each}" for each in complaints(browser)]
    assert {"/", "/runs/{run}", "/{region}/{name}", "/notebook"} <= kinds
    assert said == []


def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    """What finds nothing anywhere might be deaf."""
    browser.run(f"{axe()}\nundefined")
    browser.run(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/x\"><button></button>')"
    )
    assert {line.split(": ")[1] for line in complaints(browser)} >= {"image-alt", "button-name"}
