"""What all tests share: `require` for services, and scratch folders that a server's own user can reach."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hinterland.lab.testing import one_block as one_block
from hinterland.lab.testing import require as require
from hinterland.rig.processes.scratch import Scratch


def pytest_configure() -> None:
    """Lets Ctrl-C through to what tests start: a shell that starts us in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes is a matter of the weather, not of the code.
settings.register_profile("any_weather", deadline=None)
settings.load_profile("any_weather")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A short folder that any user may pass through; pytest's own shuts other users out."""
    with Scratch() as made:
        yield made.path
