"""What an author's `trial(t)` may ask for: programs by name, free ports, clients, many doings at once."""

from __future__ import annotations

from pathlib import Path

import lab

from hinterland.model.history import Operation
from hinterland.runner.record import histories
from hinterland.runner.run import RunOptions, run_experiment

SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer(201)

    def do_GET(self):
        self.answer(200 if self.path != "/gone" else 404)

    def answer(self, status):
        asked = {"from": self.client_address[0], "cookie": self.headers.get("Cookie", "")}
        body = json.dumps({**asked, "name": sys.argv[2]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=7; Expires=Thu, 01 Jan 2032 00:00:00 GMT; Path=/")
        self.send_header("Set-Cookie", "lang=en")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
TRIAL = """
from hinterland.lab import PORT

async def trial(t: Trial) -> None:
    t.phase("measure")
    shop = await t.start("shop.py", PORT, t.text("name.txt").strip())
    t.reading("rate", measured(t))
    t.reading("at", [shop.name, shop.at, shop.port])
    told = await t.start(sys.executable, "-c", "print('so'); print('[1, 2]')", name="teller")
    await told.wait(30)
    t.reading("said", told.said())
    ada = t.client(shop.port, source="127.0.0.9")
    login = await ada.ask("login", "ada", "POST", "/login", json={"who": "ada"})
    await ada.ask("show", "ada", "GET", "/cart", cookies=login.cookies)
    await ada.ask("show", "bob", "GET", "/gone")
    nobody = t.client(t.rig.free_port())
    await nobody.ask("show", "eve", "GET", "/")
    under_way, most = 0, 0

    async def doing(number):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return number * 2

    t.reading("all", await t.all((doing(number) for number in range(7)), at_once=3))
    t.reading("most", most)

    async def fails():
        raise ValueError("one of them failed")

    try:
        await t.all([fails(), *(doing(number) for number in range(5))], at_once=1)
    except ValueError as error:
        t.reading("failed", str(error))
"""


def test_what_an_author_may_ask_for(tmp_path: Path) -> None:
    experiment = lab.write(tmp_path / "lab", TRIAL)
    systems = tmp_path / "lab" / "systems"
    systems.mkdir()
    (systems / "shop.py").write_text(SERVER)
    (systems / "name.txt").write_text("the shop\n")
    levels = {"variant": ("fast",), "load": ("high",)}
    options = RunOptions(store=tmp_path / "store", blocks=1, set=levels)  # type: ignore[arg-type]
    found = run_experiment(experiment, options)
    [trial] = found.trials
    assert (trial.status, trial.cause, trial.log) == ("done", "", ())
    history = histories.load(Path(found.folder), trial.id)
    name, at, port = history.readings["at"]
    assert (name, at) == ("shop", f"127.0.0.1:{port}")
    assert history.readings["said"] == [1, 2]
    assert history.readings["all"] == [0, 2, 4, 6, 8, 10, 12]
    assert history.readings["most"] == 3
    assert history.readings["failed"] == "one of them failed"
    login, shown, gone, lost = history.operations
    assert seen(login) == ("login", "ada", 1, "ok", 201)
    assert login.cookies == {"session": "7", "lang": "en"}
    assert (login.body("from"), login.body("name")) == ("127.0.0.9", "the shop")
    assert shown.body("cookie") == "session=7; lang=en"
    assert seen(gone) == ("show", "bob", 1, "fail", 404)
    assert (*seen(lost), lost.error) == ("show", "eve", 2, "fail", 0, "refused")


def seen(one: Operation) -> tuple[str, str, int, str, int]:
    return one.kind, one.key, one.client, one.outcome, one.status
