"""Tells pytest the mark of tests that start real processes, and what runs a block of them."""

from __future__ import annotations

import pytest

from hinterland.lab.testing import one_block as one_block


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "system: starts real processes")
