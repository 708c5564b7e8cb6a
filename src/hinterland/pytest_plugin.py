"""Fixtures for tests of one's own, loaded by pytest wherever Hinterland is installed.

def test_the_client_gives_up_in_time(hinterland_link):
    link = hinterland_link(rtt_ms=100, loss=0.05)
    link.server.start([sys.executable, "server.py"])
    assert link.client.run([sys.executable, "client.py", link.server.address]).returncode == 0

def test_the_shop_is_quick_enough(hinterland_load):
    found = hinterland_load("http://localhost:8080/", rate=200, duration_s=5)
    found.check("p99 < 50ms", "errors = 0")
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hinterland.load.runs import LoadRun
    from hinterland.rig.link.link import Link


@pytest.fixture
def hinterland_link() -> Iterator[Callable[..., Link]]:
    """Returns what opens links: it takes the arguments of `hinterland.link`, and each ends with the test."""
    from hinterland.rig.link.opening import link

    with contextlib.ExitStack() as opened:

        def open_link(**options: Any) -> Link:
            return opened.enter_context(link(**options))

        yield open_link


@pytest.fixture
def hinterland_load(tmp_path: Path) -> Callable[..., LoadRun]:
    """Returns what drives loads: it takes the arguments of `hinterland.run_load`.

    Records go into the test's own folder.
    `check("p99 < 50ms")` of what it returns fails the test with what was measured.
    """
    from hinterland.load.runs import run_load

    return functools.partial(run_load, store=tmp_path / "hinterland")
