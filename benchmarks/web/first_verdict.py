"""`python -m benchmarks.web.first_verdict [--here]`: from a fresh clone to the verdict of a prediction.

Clones this repository, calls `make run` in the clone as a stranger does, and goes the way in Chromium by its
mouse alone: the place that the map suggests, a stroke down the sheet, the button that runs it. Counts clicks
and seconds. What a person reads on the way is added at 200 words a minute. `--here` leaves out the clone and
what it installs. Exit status 1: more than three clicks, or more than 150 s after the address was there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MOST_CLICKS, MOST_S = 3, 150.0
WORDS_A_MINUTE = 200
INSTALL_S, RUN_S = 900.0, 120.0


class Walker:
    """Somebody with a mouse, and how often its button was pressed."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.clicks = 0

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.browser.click(selector)

    def stroke(self, first: str, last: str) -> None:
        """One stroke down the sheet, from its first row to its last."""
        self.clicks += 1
        self.browser.box(first)
        places = [
            self.browser.run(
                f"(() => {{ const b = document.querySelector({each!r}).getBoundingClientRect();"
                " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
            )
            for each in (first, last)
        ]
        self.browser.stroke(*map(tuple, places))

    def words(self) -> int:
        """Returns how many words there are to read on a page, what is folded away left out."""
        return len(str(self.browser.run("document.querySelector('main').innerText")).split())


def main() -> int:
    """Prints a row for each part of the way and returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web.first_verdict", description=__doc__)
    parser.add_argument("--here", action="store_true", help="no clone: this checkout, as it is installed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hinterland-first-") as scratch:
        folder = Path(scratch)
        began = time.monotonic()
        source = ROOT if asked.here else cloned(folder)
        with made(source, folder / "store", INSTALL_S) as address:
            row("make run, until its address is there", time.monotonic() - began)
            clicks, seconds = walked(address, folder)
    print(f"clicks: {clicks} (at most {MOST_CLICKS})")
    row(f"from the address to the verdict (at most {MOST_S:g})", seconds)
    return int(clicks > MOST_CLICKS or seconds > MOST_S)


def row(what: str, seconds: float) -> None:
    print(f"{what}: {seconds:.1f} s", flush=True)


def cloned(folder: Path) -> Path:
    """Returns a clone of what is committed here."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
    return folder / "clone"


@contextlib.contextmanager
def made(source: Path, store: Path, patience_s: float) -> Iterator[str]:
    """Calls `make run`, yields the address that it prints, and ends what it started."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    process = subprocess.Popen(
        ["make", "run", "ARGS=--no-open --port 0"],
        cwd=source, env={**environment, "HINTERLAND_STORE": str(store)},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        end = time.monotonic() + patience_s
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                yield found[0]
                return
            if time.monotonic() > end:
                break
        raise SystemExit("make run printed no address.")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def walked(address: str, folder: Path) -> tuple[int, float]:
    """Goes the way; returns clicks and seconds, what a person reads counted with them."""
    sys.path.insert(0, str(ROOT / "tests" / "system" / "labs"))
    browsing = importlib.import_module("browser").browsing
    profile = folder / "profile"
    profile.mkdir()
    reading_s = 0.0
    with browsing(profile) as browser:
        walker = Walker(browser)
        began = time.monotonic()
        browser.go(address)
        browser.until("document.querySelector('.start a.button')")
        row("  the map", time.monotonic() - began)
        walker.click(".start a.button")
        browser.until("document.querySelector('.marks.drawn')")
        words = walker.words()
        reading_s = 60 * words / WORDS_A_MINUTE
        row(f"  {browser.run('location.pathname')}, {words} words to read", reading_s)
        walker.stroke(".marks tr:first-child td.line svg", ".marks tr:last-child td.line svg")
        walker.click("form[action$=prediction] button")
        asked = time.monotonic()
        browser.until("document.querySelector('#verdicts')", RUN_S)
        row("  the run", time.monotonic() - asked)
        count = browser.run("document.querySelectorAll('article.verdict').length")
        print(f"  verdicts: {count}", flush=True)
        return walker.clicks, time.monotonic() - began + reading_s


if __name__ == "__main__":
    sys.exit(main())
