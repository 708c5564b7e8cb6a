"""On a terminal: a live view, Ctrl-C, colours that can be switched off."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from command_line import Place, Terminal, scaffolded

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return scaffolded(tmp_path_factory.mktemp("place"))


def test_on_a_terminal_the_run_is_drawn_and_ctrl_c_leaves_a_readable_record(place: Place) -> None:
    terminal = Terminal(place, "run", "patterns/mine", "--blocks", "9")
    terminal.read_until("block 1, trial")
    os.kill(terminal.pid, signal.SIGINT)
    status = terminal.end()

    assert status == 130, terminal.plain
    assert "left" in terminal.plain
    assert "\x1b[36m" in terminal.seen
    assert terminal.seen.rfind("\x1b[?25h") >= terminal.seen.rfind("\x1b[?25l"), "the cursor stays hidden"
    last = json.loads(place.hinterland("report", "last", "--json").stdout)
    assert (last["status"], last["exit_status"]) == ("interrupted", 130)


def test_no_color_on_a_terminal(place: Place) -> None:
    terminal = Terminal(place, "show", "patterns/mine", "--no-color")

    assert terminal.end() == 0
    assert "\x1b" not in terminal.seen
    assert "Before you run" in terminal.seen


def test_no_color_of_a_live_run(place: Place) -> None:
    terminal = Terminal(place, "run", "patterns/mine", "--blocks", "1", "--no-color")

    assert terminal.end() == 2, terminal.plain
    assert "block 1, trial" in terminal.plain
    assert re.search(r"\x1b\[[0-9;]*m", terminal.seen) is None


def test_a_terminal_that_is_closed_interrupts_the_run(place: Place) -> None:
    terminal = Terminal(place, "run", "patterns/mine", "--blocks", "9")
    terminal.read_until("block 1, trial")
    os.close(terminal.screen)
    _, status = os.waitpid(terminal.pid, 0)

    assert os.waitstatus_to_exitcode(status) == 130
    last = json.loads(place.hinterland("report", "last", "--json").stdout)
    assert last["status"] == "interrupted"
