"""`hinterland serve`: who may come in, what a sealed page keeps back, a run from its form to its verdict."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_lab import Reader, serving

from hinterland import catalogue
from hinterland.model.experiment import Experiment
from hinterland.runner.record.folder import RunFolder, list_runs
from hinterland.web.content import lesson

pytestmark = pytest.mark.system
PATIENT_S = 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


def wait_until(what: object, patience_s: float = PATIENT_S) -> object:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := what():  # type: ignore[operator]
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def test_nobody_comes_in_without_the_token(reader: Reader) -> None:
    stranger = Reader(reader.address, reader.process)
    assert stranger.get("/").status == 403
    assert stranger.get("/?token=wrong").status == 403
    assert stranger.get("/", Cookie="hinterland-1=x").status == 403
    assert reader.get("/").status == 200


def test_the_token_leaves_the_address(reader: Reader) -> None:
    token = reader.address.partition("token=")[2]
    answer = Reader(reader.address, reader.process).get(f"/runs?token={token}&a=b")
    assert (answer.status, answer.headers["location"]) == (303, "/runs?a=b")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", ""])
def test_another_name_for_this_server_is_refused(reader: Reader, host: str) -> None:
    assert reader.get("/", Host=host).status == 421


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_a_form_of_another_site_is_refused(reader: Reader, headers: dict[str, str]) -> None:
    assert reader.post("/protocols/nagle/prediction", {"skip": "1"}, **headers).status == 403


def test_a_page_loads_nothing_from_elsewhere(reader: Reader) -> None:
    for path in ("/", "/protocols/nagle", "/runs"):
        answer = reader.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text), path


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_a_sealed_page_gives_nothing_away(reader: Reader, experiment: Experiment) -> None:
    it = experiment
    page = reader.get(f"/{it.id}")
    assert page.status == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
    told = [it.learned, *(claim.says for claim in it.claim), *(claim.control for claim in it.claim)]
    told += [source.says for source in it.source if source.says] + [chart.caption for chart in it.chart]
    if not it.prediction.options:
        told.append(it.prediction.answer)
    for each in told:
        assert " ".join(each.split()) not in text
    for heading, body in lesson.sections(it).items():
        if heading not in lesson.BEFORE:
            assert f">{heading}<" not in page.text
            first = " ".join(re.sub(r"[`*|]", "", body).split())[:60]
            assert first not in text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"within": "2"}, "Give an answer or place a mark"),
        ({"number": "many", "within": "2"}, "Write a number"),
        ({"number": "60"}, "how sure"),
        ({"number": "60", "within": "7"}, "how sure"),
        ({"number": "1e400", "within": "2"}, "a number that this can be"),
        ({"number": "-5", "within": "2"}, "a number that this can be"),
        ({"mark-0": "1e9", "within": "2"}, "not between"),
        ({"mark-0": "xx", "within": "2"}, "“xx” is none"),
    ],
)
def test_a_prediction_that_is_none_says_why(reader: Reader, form: dict[str, str], says: str) -> None:
    answer = reader.post("/protocols/slow_start/prediction", {**form, "why": "so I was told"})
    assert answer.status == 400
    assert says in answer.text
    # What was written is still there, to be mended.
    for value in (*form.values(), "so I was told"):
        assert f'value="{value}"' in answer.text or value == "7"


def test_an_address_that_is_none_says_so(reader: Reader) -> None:
    for path in ("/nowhere", "/protocols/nagle/prediction"):
        answer = reader.get(path)
        assert answer.status in (404, 405)
        assert "no page at this address" in answer.text


def test_what_a_reader_wrote_is_shown_as_text(reader: Reader) -> None:
    evil = "<script>alert(1)</script>"
    form = {"number": "60", "within": "2", "why": evil}
    assert reader.post("/operations/averages_lie/prediction", form).status == 303
    page = reader.get("/operations/averages_lie").text
    assert evil not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    "path", ["/no/place", "/runs/none", "/runs/..%2F..", "/static/../app.py", "/waiting/x"]
)
def test_what_is_not_there_is_not_found(reader: Reader, path: str) -> None:
    assert reader.get(path).status == 404


def test_the_map_leads_to_every_place_and_a_region_can_be_looked_at_alone(reader: Reader) -> None:
    home = reader.get("/").text
    drawing = home.partition('<svg class="atlas')[2].partition("</svg>")[0]
    for one in catalogue.experiments():
        assert f'href="/{one.id}"' in drawing
        assert home.count(f'href="/{one.id}"') >= 2, "the same as a list"
    region = reader.get("/map/storage")
    assert region.status == 200
    assert "Before the first byte" not in region.text.partition("</svg>")[2]
    assert reader.get("/map/nowhere").status == 404


def test_a_form_that_is_too_long_is_not_read(reader: Reader) -> None:
    assert reader.post("/protocols/nagle/prediction", {"why": "x" * 100_000}).status == 413


def test_predict_run_and_see(reader: Reader, store: Path) -> None:
    """The whole way: two forms, one run for a double click, the stream, the verdicts."""
    place = "/execution/blocked_loop"
    marks = {f"mark-{number}": value for number, value in enumerate(("200", "5", "5"))}
    assert reader.post(f"{place}/prediction", {**marks, "within": "2", "why": "one thread"}).status == 303
    opened = reader.get(place).text
    assert "Run it on this machine" in opened
    nonce = re.search(r'name="nonce" value="([^"]+)"', opened)
    assert nonce is not None
    first, second = (reader.post(f"{place}/runs", {"nonce": nonce[1]}) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    waiting = first.headers["location"]
    moved = wait_until(lambda: (found := reader.get(waiting)).status == 303 and found)
    address = moved.headers["location"]  # type: ignore[attr-defined]
    live = reader.get(address)
    place_of = re.search(r'data-place="(\d+)"', live.text)
    events = reader.get(f"{address}/events?from={place_of[1] if place_of else 0}").text
    assert '"kind":"finished"' in events
    assert re.search(r"^id: \d+$", events, re.MULTILINE)
    # Who comes back hears the rest, and who comes late all of it.
    ids = re.findall(r"^id: (\d+)$", reader.get(f"{address}/events").text, re.MULTILINE)
    rest = reader.get(f"{address}/events", Last_Event_ID=ids[-2]).text
    assert re.findall(r"^id: (\d+)$", rest, re.MULTILINE) == ids[-1:]
    seen = reader.get(address).text
    assert "What this run says" in seen
    assert "you expected" in seen
    assert "one thread" in seen
    assert len(list_runs(store)) == 1
    assert reader.get(f"{address}/report").status == 200
    assert "Your runs" in reader.get(place).text
    assert address in reader.get("/runs").text


def test_stop_keeps_what_there_is(reader: Reader, store: Path) -> None:
    place = "/execution/blocked_loop"
    waiting = reader.post(f"{place}/runs", {"nonce": "to-be-stopped"}).headers["location"]
    moved = wait_until(lambda: (found := reader.get(waiting)).status == 303 and found)
    address = moved.headers["location"]  # type: ignore[attr-defined]
    assert reader.post(f"{address}/stop", {}).status == 303
    name = address.rpartition("/")[2]
    ended = wait_until(lambda: (info := RunFolder(store / name).info()).status != "running" and info)
    assert ended.status == "interrupted"  # type: ignore[attr-defined]
    assert "interrupted" in reader.get(address).text


def test_a_run_whose_process_was_killed_is_told_as_it_is(reader: Reader, store: Path) -> None:
    place = "/execution/blocked_loop"
    waiting = reader.post(f"{place}/runs", {"nonce": "to-be-killed"}).headers["location"]
    moved = wait_until(lambda: (found := reader.get(waiting)).status == 303 and found)
    address = moved.headers["location"]  # type: ignore[attr-defined]
    name = address.rpartition("/")[2]
    folder = RunFolder(store / name)
    import os

    os.kill(folder.info().pid, signal.SIGKILL)
    assert '"status":"interrupted"' in reader.get(f"{address}/events").text
    seen = reader.get(address).text
    assert "interrupted" in seen
    assert "Run it again" in seen


def test_it_ends_at_once_though_pages_are_open(tmp_path: Path) -> None:
    with serving(tmp_path) as found:
        waiting = found.post("/execution/blocked_loop/runs", {"nonce": "n"}).headers["location"]
        moved = wait_until(lambda: (answer := found.get(waiting)).status == 303 and answer)
        address = moved.headers["location"]  # type: ignore[attr-defined]
        heard: list[str] = []
        listening = [
            threading.Thread(target=lambda: heard.append(found.get(f"{address}/events").text))
            for _ in range(8)
        ]
        for each in listening:
            each.start()
        wait_until(lambda: found.get(f"{address}/now").status == 200)
        found.process.send_signal(signal.SIGINT)
        found.process.wait(PATIENT_S)
        for each in listening:
            each.join(PATIENT_S)
    assert len(heard) == 8
    assert all("event: bye" in text or '"finished"' in text for text in heard)
    # The run is ended as well, in good order: it writes its last words by itself.
    ended = wait_until(lambda: (info := list_runs(tmp_path)[0]).status != "running" and info)
    assert ended.status == "interrupted"  # type: ignore[attr-defined]


def test_a_port_that_is_taken_is_said(reader: Reader, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hinterland",
            "--store",
            str(tmp_path),
            "serve",
            "--no-open",
            "--port",
            str(reader.port),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENT_S,
    )
    assert done.returncode == 64
    assert f"port={reader.port}" in done.stderr


def test_two_servers_of_one_store_know_each_other(reader: Reader, store: Path) -> None:
    with serving(store) as other:
        assert other.get("/runs").text.count("/runs/") == reader.get("/runs").text.count("/runs/")
        # The token is the store's: a page that was open stays so.
        assert other.address.partition("token=")[2] == reader.address.partition("token=")[2]


@pytest.mark.parametrize(("levels", "says"), [("sideways", "rtt_ms=sideways"), ("900", "rtt_ms=900")])
def test_a_level_that_is_none_is_said_before_anything_runs(reader: Reader, levels: str, says: str) -> None:
    answer = reader.post("/protocols/nagle/runs", {"nonce": f"n-{levels}", "set-rtt_ms": levels})
    assert answer.status == 400
    assert says in answer.text


def test_a_note_stands_beside_its_place_and_in_the_notebook(reader: Reader) -> None:
    place = "/protocols/dns"
    reader.post(f"{place}/prediction", {"skip": "1"})
    for text in ("first", "like a <b>moved</b> shop"):
        assert reader.post(f"{place}/note", {"note": text}).status == 303
    assert "like a &lt;b&gt;moved&lt;/b&gt; shop" in reader.get(place).text
    page = reader.get("/notebook").text
    assert "moved" in page
    assert "first</p>" not in page
    assert "note: like a <b>moved</b> shop" in reader.get("/notebook.md").text
    assert json.loads(reader.get("/notebook.json").text)[-1]["text"] == "like a <b>moved</b> shop"
    reader.post(f"{place}/note", {"note": ""})
    assert "moved" not in reader.get("/notebook").text
    assert reader.get("/notebook.xml").status == 404


def test_the_notebook_is_json_by_the_line(reader: Reader, store: Path) -> None:
    lines = (store / "notebook.jsonl").read_text().splitlines()
    assert {json.loads(line)["kind"] for line in lines} <= {"predicted", "skipped", "why", "note"}
    assert reader.get("/").status == 200
