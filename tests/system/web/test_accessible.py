"""axe finds nothing serious on any page, light and dark: every page that a link leads to from the map."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from crawl import been_about, found_from, kind_of
from web_lab import Reader, serving

pytestmark = [pytest.mark.system, pytest.mark.web]
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A server whose reader has been about: predictions, a note, runs of every kind."""
    store = tmp_path_factory.mktemp("store")
    with serving(store) as found:
        been_about(found, store)
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
