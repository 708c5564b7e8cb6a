"""A fixture for tests of one's own: `hinterland_link`, loaded by pytest wherever Hinterland is installed.

def test_the_client_gives_up_in_time(hinterland_link):
    link = hinterland_link(rtt_ms=100, loss=0.05)
    link.server.start([sys.executable, "server.py"])
    assert link.client.run([sys.executable, "client.py", link.server.address]).returncode == 0
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hinterland.rig.link.link import Link


@pytest.fixture
def hinterland_link() -> Iterator[Callable[..., Link]]:
    """Returns what opens links: it takes the arguments of `hinterland.link`, and each ends with the test."""
    from hinterland.rig.link.opening import link

    with contextlib.ExitStack() as opened:

        def open_link(**options: Any) -> Link:
            return opened.enter_context(link(**options))

        yield open_link
