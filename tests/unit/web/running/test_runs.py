"""The line of runs goes on, whatever one of them says or does not say."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from hinterland.web.running.runs import Runs, Ticket

PATIENCE_S = 30


async def ended(*tickets: Ticket) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not all(ticket.ended for ticket in tickets):  # noqa: ASYNC110  # A ticket tells nobody.
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("words", ["printed by an experiment", '{"run": "cut sho', "[1, 2]"])
def test_a_line_that_is_no_word_of_the_run_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nprint({words!r}, end='')\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    async def asked() -> tuple[Ticket, Ticket]:
        runs = Runs(tmp_path)
        both = runs.ask("a/b", "one"), runs.ask("a/b", "two")
        await ended(*both)
        await runs.close()
        return both

    for ticket in asyncio.run(asked()):
        assert "ended before it began" in ticket.problem
