"""A process that carries a part of a load: what it says, how it fails, and that it ends with its parent."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from hinterland.errors import InternalError, SetupError
from hinterland.lab.crowd.companion import Companion
from hinterland.lab.crowd.part import CrowdPart

pytestmark = pytest.mark.system


def test_one_that_ends_by_itself_is_told_with_its_last_words() -> None:
    async def scenario() -> None:
        one = await Companion.start("hinterland.load.no_such_part")
        try:
            one.say("anything")
            with pytest.raises(InternalError, match=r"ended by itself \(status 1\)\.\n.*No module named"):
                await one.hear(str)
        finally:
            await one.end()

    asyncio.run(scenario())


def test_an_error_of_ours_comes_as_what_it_is() -> None:
    async def scenario() -> None:
        one = await Companion.start("hinterland.lab.crowd.part")
        try:
            one.say(CrowdPart("127.0.0.1", 1, b"", 1 << 40, 1, 1.0))
            with pytest.raises(SetupError, match="open files in one process") as caught:
                await one.hear(str)
            assert "ulimit" in caught.value.next_step
        finally:
            await one.end()

    asyncio.run(scenario())


def test_it_ends_when_nothing_more_can_be_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hinterland.lab.crowd.part"],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")
