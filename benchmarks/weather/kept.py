"""Results as they are kept: one file of JSON lines a part, where and when it ran in the first line.

`stolen-aa.jsonl` holds the part `aa` in the weather `stolen`. A part that runs again replaces its file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hinterland.package import VERSION
from hinterland.rig.machine.description import describe

FOLDER = Path(__file__).with_name("results")
Line = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A part as a file keeps it: where and when it ran, and a line a run."""

    weather: str
    part: str
    where: Line
    runs: tuple[Line, ...]

    @property
    def quick(self) -> bool:
        """Whether it was the short version, whose figures are no figures."""
        return bool(self.where["quick"])


class Keeper:
    """Writes one part's file, line by line, so that what was measured is kept however the part ends."""

    def __init__(self, folder: Path, weather: str, part: str, *, quick: bool) -> None:
        self.path = folder / f"{weather}-{part.replace('/', '-')}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        machine = describe()
        kept = ("cpu", "cores", "memory_bytes", "kernel", "virtual", "python")
        self.path.write_text("")
        self.add(
            {
                "weather": weather,
                "part": part,
                "quick": quick,
                "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "version": VERSION,
                "load_average": round(os.getloadavg()[0], 1),
                "machine": {name: machine[name] for name in kept},
            }
        )

    def add(self, line: Line) -> None:
        """Appends one line."""
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def parts(folder: Path) -> Iterator[Part]:
    """Yields the parts that a folder keeps, by name of their files."""
    for path in sorted(folder.glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        if lines:
            where = lines[0]
            yield Part(where["weather"], where["part"], where, tuple(lines[1:]))
