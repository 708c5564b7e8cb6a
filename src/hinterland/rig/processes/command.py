"""A command as an experiment writes it, and the words that the kernel is given."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hinterland.errors import SetupError
from hinterland.rig.processes.binaries import find_program

INTERPRETERS = {".js": "node", ".mjs": "node", ".sh": "sh"}
Argument = str | Path | int | float


def words_of(command: Sequence[Argument]) -> tuple[str, ...]:
    """Returns the words; a file that ends in `.py` is run by this Python, others by their interpreter.

    Raises SetupError when there is none.
    """
    words = [str(word) for word in command]
    ending = Path(words[0]).suffix
    if ending == ".py":
        return (sys.executable, *words)
    if ending in INTERPRETERS:
        program = INTERPRETERS[ending]
        found = find_program(program)
        if found is None:
            raise SetupError(f"{program} is not installed; {words[0]} needs it.", "hinterland doctor")
        return (str(found), *words)
    return tuple(words)
