"""What makes a reader remember and find: due again, analogies, progress elsewhere, search, words."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from browser import Browser, browsing
from web_lab import Answer, Reader, serving

from hinterland import catalogue
from hinterland.runner.record.folder import RunFolder, list_runs
from hinterland.web.content import lesson
from hinterland.web.reader import marks
from hinterland.web.reader.notebook import FILE, Entry, Notebook

pytestmark = pytest.mark.system
PLACE = "execution/acceptors"
DAY_S, PATIENT_S = 86_400, 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place that was predicted and run three days ago: a real run, moved back in time."""
    folder = tmp_path_factory.mktemp("store")
    words = ["--store", str(folder), "run", PLACE, "--blocks", "1"]
    subprocess.run(
        [sys.executable, "-m", "hinterland", *words], check=False, capture_output=True, timeout=300
    )
    [run] = list_runs(folder)
    assert run.status == "finished"
    began_s = time.time() - 3 * DAY_S
    path = folder / run.id / "run.json"
    moved = {**json.loads(path.read_bytes()), "started_at": began_s, "ended_at": began_s + 20}
    path.write_text(json.dumps(moved))
    found = marks.measured(RunFolder(folder / run.id).record())
    said = {key: value * 1.7 for key, value in found.items() if value > 0}
    assert said
    Notebook(folder).add(
        Entry(t_s=began_s - 60, experiment=PLACE, kind="predicted", marks=said, within=2.0, number=25.0)
    )
    return folder


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


def send_file(reader: Reader, content: bytes, name: str = "progress.json") -> Answer:
    """Sends a file as a browser's form does."""
    edge = "----edge"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    connection = http.client.HTTPConnection(reader.host, reader.port, timeout=60)
    try:
        headers = {"Cookie": reader.cookie, "Content-Type": f"multipart/form-data; boundary={edge}"}
        connection.request("POST", "/notebook/progress", body, headers)
        response = connection.getresponse()
        found = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, found, response.read().decode())
    finally:
        connection.close()


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_what_is_due_is_said_at_home_on_the_map_and_in_the_list(reader: Reader) -> None:
    home = reader.get("/").text
    drawing = home.partition('<svg class="atlas')[2].partition("</svg>")[0]
    assert "due again" in re.findall(rf'href="/{PLACE}" aria-label="([^"]+)"', drawing)[0]
    assert drawing.count('class="m due"') == 2, "on the place and in the key"
    assert f'href="/{PLACE}/again"' in home
    assert "Due again." in home.partition('<ul class="places">')[2]
    listed = text_of(reader.get("/due").text)
    # Within a factor of 2 with 1.7: met, so that it comes back after two days.
    assert "Who accepts? since yesterday" in listed
    assert "the last time met" in listed
    assert "Due again since yesterday" in text_of(reader.get(f"/{PLACE}").text)


def test_who_has_nothing_due_hears_when_something_will_be(tmp_path: Path) -> None:
    with serving(tmp_path) as fresh:
        assert "Nothing yet" in fresh.get("/due").text
        assert "m due" not in fresh.get("/").text
        # Asked again before the first time: its own page asks.
        answer = fresh.get(f"/{PLACE}/again")
        assert (answer.status, answer.headers["location"]) == (303, f"/{PLACE}")
        sealed = fresh.post(f"/{PLACE}/again", {"mark-0": "0.5", "within": "2"})
        assert (sealed.status, sealed.headers["location"]) == (303, f"/{PLACE}")
        assert Notebook(tmp_path).entries() == []


def test_asked_again_it_is_sealed_anew_and_at_another_level(reader: Reader) -> None:
    it = catalogue.find(PLACE)
    page = reader.get(f"/{PLACE}/again").text
    assert "This time: workers 8 , not 4" in text_of(page)
    assert '<input type="hidden" name="set-workers" value="8">' in page
    for each in (it.learned, it.prediction.answer, *(claim.says for claim in it.claim)):
        assert " ".join(each.split()) not in text_of(page)
    for heading in lesson.sections(it):
        assert (f">{heading}<" in page) == (heading in lesson.BEFORE)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"set-workers": "8", "within": "2"}, "place a mark"),
        ({"set-workers": "8", "mark-0": "7", "within": "2"}, "not between"),
        ({"set-workers": "8", "mark-0": "0.5"}, "how sure"),
        ({"set-workers": "900", "mark-0": "0.5", "within": "2"}, "workers=900"),
        ({"set-workers": "8,2", "mark-0": "0.5", "within": "2"}, "one level of each factor"),
    ],
)
def test_an_answer_that_is_none_says_why(
    reader: Reader, store: Path, form: dict[str, str], says: str
) -> None:
    before = (store / FILE).read_bytes()
    answer = reader.post(f"/{PLACE}/again", form)
    assert answer.status == 400
    assert says in answer.text
    assert (store / FILE).read_bytes() == before


def test_say_it_run_it_and_it_is_due_later(reader: Reader, store: Path) -> None:
    sheet = reader.get(f"/{PLACE}/again").text
    rows = re.findall(r'name="(mark-\d+)"', sheet)
    form = {**dict.fromkeys(rows, "0.125"), "set-workers": "8", "within": "1.5", "why": "one of eight"}
    assert reader.post(f"/{PLACE}/again", form).headers["location"] == f"/{PLACE}/again#go"
    waiting = reader.get(f"/{PLACE}/again").text
    assert "Run it on this machine" in waiting
    assert "waits for its run" in text_of(reader.get("/due").text)
    assert Notebook(store).latest(PLACE).levels == {"workers": 8}  # type: ignore[union-attr]
    nonce = re.search(r'name="nonce" value="([^"]+)"', waiting)
    assert nonce is not None
    asked = reader.post(f"/{PLACE}/runs", {"nonce": nonce[1], "set-workers": "8"}).headers["location"]
    end = time.monotonic() + PATIENT_S
    while (moved := reader.get(asked)).status != 303:
        assert time.monotonic() < end
        time.sleep(0.1)
    address = moved.headers["location"]
    reader.get(f"{address}/events")
    seen = reader.get(address).text
    assert "you expected" in seen
    assert "one of eight" in seen
    assert 'class="gap"' in seen
    assert "Asked again: workers 8." in text_of(seen)
    it = catalogue.find(PLACE)
    assert it.prediction.answer not in seen, "that is the answer to the usual question"
    assert it.chart[0].caption not in seen
    # It was answered: it is due later, and at the level that was not asked yet.
    assert "since yesterday" not in reader.get("/due").text
    assert re.search(r"Asked again (tomorrow|in \d+ days)", text_of(reader.get(f"/{PLACE}").text))
    assert 'name="set-workers" value="2"' in reader.get(f"/{PLACE}/again").text
    # The usual run is still compared with what was said of the usual levels.
    usual = next(run for run in list_runs(store) if not run.set)
    assert 'class="gap"' in reader.get(f"/runs/{usual.id}").text
    assert "one of eight" not in reader.get(f"/runs/{usual.id}").text
    assert "At workers 8:" in reader.get("/notebook").text


def test_an_analogy_stands_beside_the_lessons_and_on_its_page(reader: Reader) -> None:
    evil = "like <script>alert(1)</script>\na shop"
    assert reader.post(f"/{PLACE}/analogy", {"analogy": evil}).headers["location"] == f"/{PLACE}#analogy"
    for path in (f"/{PLACE}", "/notebook/analogies", "/notebook"):
        page = reader.get(path).text
        assert "like &lt;script&gt;alert(1)&lt;/script&gt;" in page, path
        assert "<script>alert" not in page, path
    both = reader.get("/notebook/analogies").text
    assert "A post office with four counters" in both
    assert "Two polite people at a door" not in both, "Nagle was not run"
    assert "analogy: like" in reader.get("/notebook.md").text
    reader.post(f"/{PLACE}/analogy", {"analogy": ""})
    assert "like &lt;script" not in reader.get("/notebook/analogies").text


def test_progress_goes_elsewhere_once_and_takes_what_was_met_along(reader: Reader, tmp_path: Path) -> None:
    given = reader.get("/notebook/progress.json")
    assert given.headers["content-disposition"].startswith('attachment; filename="hinterland-')
    content = given.text.encode()
    with serving(tmp_path) as elsewhere:
        assert "Nothing yet" in elsewhere.get("/due").text
        first = send_file(elsewhere, content)
        assert first.status == 303
        assert "entries taken" in elsewhere.get(first.headers["location"].partition("#")[0]).text
        assert text_of(elsewhere.get("/due").text) == text_of(reader.get("/due").text)
        assert elsewhere.get("/calibration.csv").text == reader.get("/calibration.csv").text
        lines = (tmp_path / FILE).read_bytes()
        again = send_file(elsewhere, elsewhere.get("/notebook/progress.json").text.encode())
        assert "taken=0" in again.headers["location"]
        assert send_file(elsewhere, content).headers["location"] == again.headers["location"]
        assert (tmp_path / FILE).read_bytes() == lines


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 400, "empty"),
        (b"PK\x03\x04", 400, "no file of progress"),
        (b'{"hinterland_progress": 1, "made_at": 1, "entries": [{}]}', 400, "no file of progress"),
        (b"[" * 200_000, 400, "no file of progress"),
        (b" " * (9 * 1024 * 1024), 413, "more than"),
    ],
)
def test_a_file_that_is_none_changes_nothing(
    reader: Reader, store: Path, content: bytes, status: int, says: str
) -> None:
    before = (store / FILE).read_bytes()
    try:
        answer = send_file(reader, content)
    except (BrokenPipeError, ConnectionResetError):
        # Refused by its length, while it was still being sent.
        answer = None
    if answer is not None:
        assert (answer.status, says in answer.text) == (status, True)
    assert (store / FILE).read_bytes() == before


def test_a_file_with_one_hostile_entry_is_not_taken_at_all(reader: Reader, store: Path) -> None:
    before = (store / FILE).read_bytes()
    good = {"t_s": 1.0, "experiment": "a/b", "kind": "note", "text": "good"}
    made = {"hinterland_progress": 1, "made_at": 1, "entries": [good, {**good, "experiment": "../x"}]}
    answer = send_file(reader, json.dumps(made).encode())
    assert answer.status == 400
    assert "nothing of it was taken" in answer.text
    assert (store / FILE).read_bytes() == before
    assert reader.post("/notebook/progress", {"file": "x"}).status == 400


def test_a_file_that_is_sound_and_hostile_breaks_no_page(tmp_path: Path) -> None:
    evil, big, tiny = "<img src=x onerror=alert(1)>\t\u202e\0", 1e15, 1e-15
    said = {
        "experiment": PLACE,
        "kind": "predicted",
        "within": big,
        "option": evil,
        "sure": 0.5,
        "number": big,
    }
    asked = {"workers": -5, evil: evil, "way": True}
    entries = [
        {**said, "t_s": 1.0, "marks": {evil: -big, "shared | python": 0, "reuseport | python": big}},
        {"experiment": PLACE, "kind": "met", "t_s": 2.0, "of_s": 1.0, "run": evil,
         "marks": {evil: big, "shared | python": -1, "reuseport | python": tiny}},
        {**said, "t_s": 3.0, "marks": {evil: 1}, "levels": asked},
        {"experiment": PLACE, "kind": "met", "t_s": 4.0, "of_s": 3.0, "run": "../..", "marks": {evil: 1}},
        {**said, "t_s": 5.0, "levels": asked},
        {"experiment": "no/where", "kind": "predicted", "t_s": 6.0, "option": evil, "sure": 1},
        {"experiment": PLACE, "kind": "note", "t_s": 7.0, "text": evil},
        {"experiment": PLACE, "kind": "analogy", "t_s": 8.0, "text": evil},
    ]  # fmt: skip
    with serving(tmp_path) as found:
        content = json.dumps({"hinterland_progress": 1, "made_at": 1, "entries": entries}).encode()
        assert send_file(found, content).headers["location"] == "/notebook?taken=8#taken"
        pages = [
            "/",
            "/due",
            "/notebook",
            "/notebook.md",
            "/notebook.json",
            "/notebook.anki.txt",
            "/search?q=x",
        ]
        pages += ["/notebook/progress.json", "/notebook/analogies", "/calibration.csv", "/glossary", "/paths"]
        for path in (*pages, f"/{PLACE}", f"/{PLACE}/again"):
            answer = found.get(path)
            assert answer.status == 200, path
            plain = path.partition("?")[0].endswith((".md", ".json", ".csv"))
            assert plain or "<img src=x" not in answer.text, path


def test_a_large_file_of_progress_is_taken(tmp_path: Path) -> None:
    said = [Entry(t_s=1.0 + n, experiment="a/b", kind="why", text=f"{n} " + "x" * 300) for n in range(3_000)]
    made = {"hinterland_progress": 1, "made_at": 1.0, "entries": said}
    with serving(tmp_path) as found:
        assert send_file(found, msgspec.json.encode(made)).headers["location"] == "/notebook?taken=3000#taken"
        assert found.get("/notebook").status == 200


def test_the_cards_are_those_that_anki_imports(reader: Reader) -> None:
    lines = reader.get("/notebook.anki.txt").text.splitlines()
    assert lines[:2] == ["#separator:tab", "#html:true"]
    [card] = [line for line in lines if not line.startswith("#")]
    guid, front, back, tags = card.split("\t")
    assert (guid, tags) == (f"hinterland:{PLACE}", "hinterland hinterland::execution")
    assert front.startswith("Who accepts?<br>")
    assert [name for name in ("Expected", "Came", "Learned") if f"<b>{name}</b>" in back] == [
        "Expected",
        "Came",
        "Learned",
    ]


def test_every_page_has_the_box_and_a_search_needs_no_script(reader: Reader) -> None:
    for path in ("/", "/paths", "/runs", "/due", "/glossary", "/notebook", "/no/where", f"/{PLACE}"):
        assert 'role="search" action="/search"' in reader.get(path).text, path
    page = reader.get("/search?q=politness").text
    assert 'href="/protocols/nagle"' in page
    assert 'value="politness"' in page
    assert "<mark>" in reader.get("/search?q=round+trip").text


def test_a_search_is_silent_of_what_is_sealed(reader: Reader) -> None:
    nagle = catalogue.find("protocols/nagle")
    for words in (nagle.learned, nagle.claim[0].says, "Minshall", "Helidon", "TCP_DELACK_MIN"):
        page = text_of(reader.get("/search?q=" + words.replace(" ", "+").replace("&", "")).text)
        page = page.partition("”")[2]
        assert nagle.learned not in page
        assert all(claim.says not in page for claim in nagle.claim)
        assert not re.search(r"Minshall|Helidon|DELACK", page)
    # A place that was run is found by all of it.
    assert "<mark>postmaster</mark>" in reader.get("/search?q=postmaster").text


@pytest.mark.parametrize(
    "query",
    ["", "+", "%00", "%ff%fe", "%ed%a0%80", "%F0%9F%98%80", "x" * 5_000, "%E2%80%AE", "a+" * 2_000,
     "%3Cscript%3Ealert(1)%3C/script%3E"],
)  # fmt: skip
def test_whatever_is_asked_is_answered(reader: Reader, query: str) -> None:
    answer = reader.get(f"/search?q={query}")
    assert answer.status == 200
    assert "<script>alert" not in answer.text


def test_every_link_to_a_word_leads_to_one(reader: Reader) -> None:
    page = reader.get("/glossary").text
    anchors = set(re.findall(r'<dt id="([^"]+)"', page))
    assert len(anchors) >= 50
    assert "Run its place" in page
    assert "leaves out requests" not in page, "that is the answer of a place that was not run"
    for it in catalogue.experiments():
        assert set(re.findall(r'href="/glossary#([^"]+)"', reader.get(f"/{it.id}").text)) <= anchors
    for place in set(re.findall(r'<a href="(/[a-z]+/[a-z0-9_]+)"', page)):
        assert reader.get(place).status == 200


@pytest.mark.web
def test_a_slash_leads_to_the_box_and_is_a_letter_elsewhere(
    reader: Reader, tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("program:chromium")
    with browsing(tmp_path) as found:
        found.go(reader.address)
        typed(found, "/")
        assert found.run("document.activeElement.id") == "find"
        assert found.run("document.querySelector('#find').value") == ""
        for letter in "nagle/":
            typed(found, letter)
        assert found.run("document.querySelector('#find').value") == "nagle/"
        typed(found, "\r")
        found.until("location.pathname === '/search'")
        assert found.complaints == []


def typed(browser: Browser, letter: str) -> None:
    browser.say("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
    browser.say("Input.dispatchKeyEvent", type="keyUp", key=letter)
