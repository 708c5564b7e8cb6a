"""Weather makers: `with weather("stolen", 60.0) as maker:` makes it so for the block, for 60 s at most.

A maker is a program of its own (`thief.py`, `compiler.py`). It ends when the block does, when its time is up
and when we die, and it says itself how much processor time it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
WEATHERS: dict[str, str] = {
    "quiet": "nothing",
    "neighbour": "an ordinary program keeps one core busy: a compiler's load in bursts",
    "stolen": "20 % of each core taken in bursts of 5 to 40 ms, as a hypervisor does",
    "stalls": "everything stands still for 50 to 300 ms, every 3 s or so",
}
END_S = 30.0


@dataclass
class Maker:
    """A weather under way. `how` it is made, by which process `pid` (0 for none) and its `workers`.

    Once the block is left: it lasted `wall_s` and took `cpu_s` of processor time.
    """

    name: str
    how: str = "nothing"
    pid: int = 0
    workers: list[int] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def cores_taken(self) -> float:
        """How many cores it kept busy on average."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


class WeatherError(Exception):
    """A maker did not do what it should."""


@contextmanager
def weather(name: str, at_most_s: float, *, seed: str = "1", ordinary: bool = False) -> Iterator[Maker]:
    """Makes the weather of this name until the block ends, but for no longer than `at_most_s`.

    ordinary: without SCHED_FIFO, as where there is no right to it. Raises WeatherError when the maker did not
    start, or ended before the block.
    """
    if name not in WEATHERS:
        raise WeatherError(f"there is no weather {name}, only {', '.join(WEATHERS)}.")
    if name == "quiet":
        began_s = time.monotonic()
        maker = Maker(name)
        yield maker
        maker.wall_s = time.monotonic() - began_s
        return
    with tempfile.TemporaryDirectory(prefix="weather-") as folder:
        process = _start(name, at_most_s, seed, ordinary, folder)
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline() or "{}")
            if "how" not in said:
                raise WeatherError(f"the maker of {name} did not start.")
            maker = Maker(name, said["how"], process.pid, said["processes"])
            yield maker
            if process.poll() is not None:
                raise WeatherError(f"the maker of {name} ended before what it was made for.")
            took = _last_words(process, name)
            maker.wall_s, maker.cpu_s = took["wall_s"], took["cpu_s"]
        finally:
            if process.poll() is None:
                # Its workers die with it.
                process.kill()
            process.communicate()


def _last_words(process: subprocess.Popen[str], name: str) -> dict[str, float]:
    """Ends a maker by the end of its standard input and returns what it says that it took."""
    try:
        took: dict[str, float] = json.loads(process.communicate(timeout=END_S)[0])
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise WeatherError(f"the maker of {name} did not say what it took.") from error
    return took


def _start(name: str, at_most_s: float, seed: str, ordinary: bool, folder: str) -> subprocess.Popen[str]:
    if name == "neighbour":
        words = [str(HERE / "compiler.py"), str(at_most_s), seed, str(os.getpid()), folder]
    else:
        words = [str(HERE / "thief.py"), name, str(at_most_s), seed, str(os.getpid())]
        words += ["ordinary"] if ordinary else []
    # A session of its own: where the kernel shares processor time among sessions, others have theirs as well.
    return subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
