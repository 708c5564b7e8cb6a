"""`python -m benchmarks.web.watching [--loads N] [--rounds N]`: what a reader's browser takes.

**First paint of the map**: fresh profiles, the map and a page with one word loaded in turn; medians in ms,
and their ratio, which a busy machine changes less. **The page's own CPU during a run**: of all processes of
the browser over 10 s, with the page of a run that this program writes (a trial every 0.7 s, four notes a
second), and with a blank page, in turn. Exit status 1: a target is missed; 2: there is no Chromium.
"""

from __future__ import annotations

import argparse
import http.server
import itertools
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.web.__main__ import begin, come_in, serving, told
from benchmarks.web.chromium import Chromium, chromium
from hinterland import catalogue
from hinterland.model.levels import treatments
from hinterland.model.run import BlockStarted, PlannedTrial, RunEvent, TrialFinished, TrialNoted
from hinterland.model.verdict import Outcome, TrialResult
from hinterland.model.weather import Weather

PAINT_MS, PAGE_SHARE = 300.0, 0.03
OVER_S, TRIAL_S, NOTES = 10.0, 0.7, 3
BLANK = b"<!DOCTYPE html><html lang=en><title>Blank</title><p>blank"


def main() -> int:
    """Prints the figures and returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web.watching", description=__doc__)
    parser.add_argument("--loads", type=int, default=10, metavar="N", help="fresh loads of each page")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="measurements of CPU, each 10 s")
    asked = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        print("There is no Chromium here: install the package chromium.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="hinterland-web-") as folder, blank() as nothing:
        live = begin(Path(folder))
        with serving(Path(folder)) as (port, token, _), chromium(program) as browser:
            name, _, value = come_in(port, token).partition("=")
            site = f"http://127.0.0.1:{port}"
            met = [paints(browser, {name: value}, site, nothing, asked.loads)]
            with written(live):
                met.append(shares(browser, {name: value}, f"{site}/runs/{live.name}", nothing, asked.rounds))
    return 0 if all(met) else 1


def paints(browser: Chromium, cookies: dict[str, str], site: str, nothing: str, loads: int) -> bool:
    """Measures first paints; the first load of each page is not counted."""
    times: dict[str, list[float]] = {f"{site}/": [], nothing: []}
    for _ in range(loads + 1):
        for address, found in times.items():
            tab = browser.tab(cookies, site)
            tab.go(address)
            found.append(tab.first_paint_ms())
            tab.close()
    of_map, of_blank = (statistics.median(found[1:]) for found in times.values())
    print(f"first paint of a blank page: {of_blank:.0f} ms; the map takes {of_map / of_blank:.1f} times that")
    return told(f"first paint of the map, median of {loads} fresh loads", of_map, PAINT_MS, "ms")


def shares(browser: Chromium, cookies: dict[str, str], live: str, nothing: str, rounds: int) -> bool:
    """Measures the browser's CPU time with the live page and with a blank one."""
    found: dict[str, list[float]] = {live: [], nothing: []}
    for _ in range(rounds):
        for address, each in found.items():
            tab = browser.tab(cookies, live)
            tab.go(address)
            # What loading takes is not what watching takes.
            time.sleep(3)
            each.append(browser.share(OVER_S))
            tab.close()
    watching, resting = (statistics.median(each) for each in found.values())
    print(f"a blank page: {100 * resting:.2f} % of a core")
    return told("the page of a run, of a core", 100 * watching, 100 * PAGE_SHARE, "%")


@contextmanager
def blank() -> Iterator[str]:
    """Serves a page with one word."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(BLANK)))
            self.end_headers()
            self.wfile.write(BLANK)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """Writes a run's events while it is watched, at the pace of a real one."""
    over = threading.Event()
    thread = threading.Thread(target=_write, args=(folder, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write(folder: Path, over: threading.Event) -> None:
    with (folder / "events.jsonl").open("ab", buffering=0) as file:
        for event in _events():
            file.write(msgspec.json.encode(event) + b"\n")
            if over.wait(TRIAL_S / (NOTES + 1) if isinstance(event, TrialNoted | TrialFinished) else 0):
                return


def _events() -> Iterator[RunEvent]:
    experiment = catalogue.find("protocols/nagle")
    levels = treatments(experiment)
    for block in itertools.count(1):
        trials = tuple(
            PlannedTrial(f"b{block:03}-t{place:02}", block, treatment, 1)
            for place, treatment in enumerate(levels, 1)
        )
        yield BlockStarted(0.0, block, trials)
        for place, trial in enumerate(trials):
            for step in range(NOTES):
                yield TrialNoted(0.0, trial.id, "step", f"exchange {step}", "client")
            metrics = dict.fromkeys(experiment.metric, 10.0 + place + 0.1 * block)
            weather = Weather(wall_s=TRIAL_S, cores=2)
            yield TrialFinished(
                0.0,
                TrialResult(
                    trial.id, block, trial.treatment, 1, "done", Outcome(metrics), TRIAL_S, weather=weather
                ),
            )


if __name__ == "__main__":
    sys.exit(main())
