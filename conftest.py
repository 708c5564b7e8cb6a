"""What all tests share: `require` for services, and scratch folders that a server's own user can reach."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hinterland.rig.needs import check
from hinterland.rig.scratch import Scratch


def pytest_configure() -> None:
    """Lets Ctrl-C through to what tests start: a shell that starts us in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def require() -> Callable[[str], None]:
    """Returns a function that skips the test when a need is missing; in CI a missing one is a failure."""

    def require_need(need: str) -> None:
        status = check(need)
        if status.available:
            return
        says = f"{need} is not here. Install it: {status.install}"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)

    return require_need


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A short folder that any user may pass through; pytest's own shuts other users out."""
    with Scratch() as made:
        yield made.path
