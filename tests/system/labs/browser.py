"""A real browser, driven by its own protocol (Chrome DevTools): pages as people meet them."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from hinterland.rig.processes.binaries import find_program

PATIENT_S = 120


class Browser:
    """One tab. Whatever a page complained of is in `complaints`."""

    def __init__(self, connection: ClientConnection, port: int) -> None:
        self._connection, self._numbers = connection, itertools.count(1)
        self._port = port
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.say(f"{domain}.enable")

    def say(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            heard = json.loads(self._connection.recv(timeout=PATIENT_S))
            if heard.get("id") == number:
                assert "error" not in heard, heard
                found: dict[str, Any] = heard["result"]
                return found
            self._note(heard)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.complaints.append(event["params"]["entry"]["text"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(event["params"]["exceptionDetails"]))

    def go(self, address: str) -> None:
        self.run("window.here = true")
        self.say("Page.navigate", url=address)
        self.until("!window.here && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Returns what an expression comes to in the page."""
        answer = self.say("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str, patience_s: float = PATIENT_S) -> None:
        """Waits until an expression comes to something."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            try:
                # An element has no value of its own outside of its page.
                if self.run(f"Boolean({script})"):
                    return
            except AssertionError:
                pass  # The page is between two.
            time.sleep(0.05)
        raise AssertionError(f"it did not come to pass: {script}")

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Returns left, top, width and height of an element, scrolled into view."""
        found = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'});"
            " const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        return tuple(found)

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        button = "left" if kind != "mouseMoved" or buttons else "none"
        self.say(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1
        )

    def click(self, selector: str) -> None:
        left, top, width, height = self.box(selector)
        self.mouse("mousePressed", left + width / 2, top + height / 2, 1)
        self.mouse("mouseReleased", left + width / 2, top + height / 2)

    def stroke(self, *points: tuple[float, float]) -> None:
        """Presses at the first point, moves through the others, and lets go."""
        self.mouse("mousePressed", *points[0], 1)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, 1)
        self.mouse("mouseReleased", *points[-1])

    def press(self, name: str, *, shift: bool = False) -> None:
        """Presses a key as a person does: Tab moves on, Enter and a blank set off, a letter is written."""
        codes = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " "), "Escape": (27, "")}
        letter = (ord(name.upper()) if len(name) == 1 and name.isalnum() else 0, name)
        code, text = codes.get(name, letter)
        parameters = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.say("Input.dispatchKeyEvent", type="keyDown", **parameters, **({"text": text} if text else {}))
        self.say("Input.dispatchKeyEvent", type="keyUp", **parameters)

    @contextmanager
    def another(self) -> Iterator[Browser]:
        """Opens another tab of the same window, in front of the others."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(asked, timeout=PATIENT_S) as answer:
            page = json.load(answer)
        with connect(page["webSocketDebuggerUrl"], max_size=None) as connection:
            yield Browser(connection, self._port)

    def key(self, name: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.say("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)


@contextmanager
def browsing(folder: Path, width: int = 1100, height: int = 900) -> Iterator[Browser]:
    """Starts a browser with an empty profile, and ends it."""
    program = find_program("chromium")
    assert program is not None
    process = subprocess.Popen(
        [str(program), "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
         "--no-first-run", "--disable-quic", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--window-size={width},{height}", f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        port = next(
            found[1] for line in process.stderr if (found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line))
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENT_S) as answer:
            page = next(each for each in json.load(answer) if each["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None) as connection:
            yield Browser(connection, int(port))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
