"""Room for answers that are read whole and have not ended: so much for one, so much for all of a process."""

from __future__ import annotations

from hinterland.load.engine.failures import code_of
from hinterland.load.engine.recorder import TOO_LONG

LONGEST_ANSWER_BYTES = 64 << 20
"""What a check may read of one answer."""
ROOM_BYTES = 256 << 20
NO_ROOM = "no room for so many long answers at once"


class AnswerRoom:
    """Counts the bytes that are kept. `taken`: how many there are now."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, held: int, more: int) -> int:
        """Takes room for `more` bytes of an answer that holds some; returns 0, or why there is none."""
        if held + more > LONGEST_ANSWER_BYTES:
            return TOO_LONG
        if self.taken + more > ROOM_BYTES:
            return code_of(NO_ROOM)
        self.taken += more
        return 0

    def give(self, held: int) -> None:
        """Gives the room of an answer back."""
        self.taken -= held


ROOM = AnswerRoom()
"""That of this process."""
