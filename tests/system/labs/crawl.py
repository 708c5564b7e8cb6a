"""Every page of the atlas that a link leads to, and somebody who has been about before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from browser import Browser
from kept_runs import exchanges, keep
from starlette.routing import Match
from web_lab import Reader

from hinterland.web.app import ROUTES

EACH = 5
"""So many addresses of one kind are looked at, such as places: all are drawn by the same template."""
OWN = ("/static/", "/report")
"""No pages of this site, beside files: the report stands for itself."""
FIRST = ("/", "/nowhere", "/protocols/nagle", "/execution/blocked_loop")
"""Two places that are open, and one that is none; the others follow by links."""


def been_about(reader: Reader, store: Path) -> None:
    """Leaves predictions, a note, and a run of every kind in a store."""
    for place, form in (
        ("protocols/nagle", {"number": "60", "mark-0": "60", "within": "2", "why": "so I was told"}),
        ("execution/blocked_loop", {"option": "None", "sure": "0.7", "within": "2"}),
    ):
        assert reader.post(f"/{place}/prediction", form).status == 303
    reader.post("/protocols/nagle/note", {"note": "a **note**"})
    keep(store, "protocols/nagle", exchanges(60, 61, 62), forty_and_two_rounds="holds", cork_cures="refuted")
    keep(store, "execution/blocked_loop", [], "interrupted", everybody_waits="inconclusive")
    keep(store, "protocols/nagle", exchanges(60), "running")


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
        is_file = "." in path.rpartition("/")[2]
        if path in seen or is_file or any(part in path for part in OWN) or kinds.get(kind, 0) >= EACH:
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        browser.go(f"http://{reader.host}:{reader.port}{path}")
        to_see += browser.run(
            "[...document.querySelectorAll('a[href]')].map((each) => new URL(each.href.baseVal ?? each.href,"
            " location.href)).filter((each) => each.origin === location.origin).map((each) => each.pathname)"
        )
        yield path
