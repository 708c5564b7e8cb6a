"""Chromium by its own protocol, as far as benchmarks need it: fresh tabs, what a page says, its CPU time."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENT_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SIZE = (1280, 800)


class Tab:
    """A tab with a profile of its own: nothing is in its cache."""

    def __init__(self, browser: Chromium, context: str, target: str, session: str) -> None:
        self._browser, self.context, self._target, self._session = browser, context, target, session

    def say(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.say(method, self._session, **parameters)

    def run(self, script: str) -> Any:
        """Returns what an expression comes to in the page."""
        answer = self.say("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def go(self, address: str) -> None:
        """Opens a page, and waits until all of it is there."""
        self.say("Page.navigate", url=address)
        end = time.monotonic() + PATIENT_S
        while time.monotonic() < end:
            if self.run("location.href !== 'about:blank' && document.readyState === 'complete'"):
                return
            time.sleep(0.02)
        raise TimeoutError(f"{address} did not load")

    def first_paint_ms(self) -> float:
        """Returns when the page first showed something, in ms since it was asked for."""
        script = (
            "new Promise((done) => new PerformanceObserver((list) => {"
            " const found = list.getEntriesByName('first-contentful-paint')[0];"
            " if (found) done(found.startTime); }).observe({type: 'paint', buffered: true}))"
        )
        return float(self.run(script))

    def close(self) -> None:
        self._browser.say("Target.disposeBrowserContext", browserContextId=self.context)


class Chromium:
    """A browser without a window, drawing in software."""

    def __init__(self, connection: ClientConnection, process: subprocess.Popen[str]) -> None:
        self._connection, self._process, self._numbers = connection, process, itertools.count(1)

    def say(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": parameters}
        self._connection.send(json.dumps(asked | ({"sessionId": session} if session else {})))
        while True:
            heard = json.loads(self._connection.recv(timeout=PATIENT_S))
            if heard.get("id") == number:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                found: dict[str, Any] = heard["result"]
                return found

    def tab(self, cookies: dict[str, str], address: str) -> Tab:
        """Returns a tab of a new profile that has these cookies for an address."""
        context = self.say("Target.createBrowserContext")["browserContextId"]
        width, height = SIZE
        target = self.say(
            "Target.createTarget", url="about:blank", browserContextId=context, width=width, height=height
        )["targetId"]
        session = self.say("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        found = Tab(self, context, target, session)
        for name, value in cookies.items():
            found.say("Network.setCookie", name=name, value=value, url=address)
        return found

    def used_s(self) -> float:
        """Returns the CPU time of the browser and all its processes so far."""
        parents: dict[int, int] = {}
        used: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(path.parent.name)] = int(fields[1])
            used[int(path.parent.name)] = int(fields[11]) + int(fields[12])
        mine = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
            mine |= more
        return sum(used.get(pid, 0) for pid in mine) / TICKS_PER_S

    def share(self, over_s: float) -> float:
        """Returns the share of a core that it uses over a time."""
        before, began = self.used_s(), time.perf_counter()
        time.sleep(over_s)
        return (self.used_s() - before) / (time.perf_counter() - began)


@contextmanager
def chromium(program: str) -> Iterator[Chromium]:
    """Starts the browser, and ends it with all its processes."""
    with tempfile.TemporaryDirectory(prefix="hinterland-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            said = (re.search(r"ws://(127\.0\.0\.1:\d+)/", line) for line in process.stderr)
            found = next(each for each in said if each)
            with urllib.request.urlopen(f"http://{found[1]}/json/version", timeout=PATIENT_S) as answer:
                address = json.load(answer)["webSocketDebuggerUrl"]
            with connect(address, max_size=None) as connection:
                yield Chromium(connection, process)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
