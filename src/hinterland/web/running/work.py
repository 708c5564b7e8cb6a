"""`python -m hinterland.web.running.work ID STORE`: one run, beside the server that was asked for it.

It waits until no other run measures on this store, says the run's id as soon as there is one, and what kept
it from starting, each as a line of JSON. SIGINT ends the run in good order: what there is stays.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from hinterland import catalogue
from hinterland.errors import HinterlandError, packed
from hinterland.model.run import RunEvent, RunStarted
from hinterland.runner import plan
from hinterland.runner.run import RunOptions, run_experiment
from hinterland.store import explained

LOCK = ".measuring"


def main(words: list[str]) -> int:
    """Returns 0 when the run came to its end, 70 when it could not."""
    name, store, *settings = words
    try:
        with alone(Path(store)):
            run(name, Path(store), tuple(settings))
    except HinterlandError as error:
        say({"error": packed(error)})
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


def run(name: str, store: Path, settings: tuple[str, ...]) -> None:
    """Runs the experiment."""
    experiment = catalogue.find(name)

    def take(event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            say({"run": event.run})

    run_experiment(experiment, RunOptions(store=store, set=plan.settings(experiment, settings)), take)


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """One measurement at a time: waits for whoever measures on this store."""
    with explained(store):
        store.mkdir(parents=True, exist_ok=True)
        file = os.open(store / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def say(what: dict[str, Any]) -> None:
    """Says a line, unless nobody listens any more: then the run goes on for its record."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
        sys.stdout.buffer.flush()
    except OSError:
        # A second write, at the interpreter's end, would fail as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
