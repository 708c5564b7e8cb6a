"""Records from other machines in a browser: taken in by a form, shown, compared, no verdict of one's own."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import hostile_archives as hostile
import pytest
from browser import browsing
from finished_runs import keep
from web_lab import Answer, Reader, serving

from hinterland.exchange import archive

pytestmark = pytest.mark.system
PLACE = "execution/blocked_loop"
NAME = "20261120T073000-execution-blocked_loop-k3v9"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


@pytest.fixture
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return keep(tmp_path / "elsewhere", NAME, PLACE)


def send(reader: Reader, content: bytes, name: str = "record.zip", field: str = "record") -> Answer:
    """Sends a file as a browser's form does."""
    edge = "an-edge-between-parts"
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    ).encode() + content + f"\r\n--{edge}--\r\n".encode()  # fmt: skip
    return reader.send("/runs/import", body, f"multipart/form-data; boundary={edge}")


def packed(record: Path) -> bytes:
    path = record.parent / "packed.zip"
    path.unlink(missing_ok=True)
    archive.pack(record, path)
    return path.read_bytes()


def test_a_record_is_taken_in_listed_shown_and_compared(reader: Reader, store: Path, record: Path) -> None:
    keep(store, "mine", PLACE, times=2.0)
    answer = send(reader, packed(record), f"from <b>Ann</b>{EVIL}.zip")
    assert (answer.status, answer.headers["location"]) == (303, f"/runs/{NAME}")
    page = reader.get(f"/runs/{NAME}").text
    assert "From elsewhere" in page
    assert "from &lt;b&gt;Ann&lt;/b&gt;" in page
    listed = reader.get("/runs").text
    assert f'href="/runs/{NAME}"' in listed
    assert "from elsewhere" in listed
    compared = reader.get(f"/compare?runs=mine&runs={NAME}").text
    assert "this machine" in compared
    assert "elsewhere (from &lt;b&gt;Ann" in compared
    for text in (page, listed, compared):
        assert EVIL not in text
    assert reader.get(f"/runs/{NAME}/report").status == 200


def test_it_counts_nothing_on_the_map_and_in_the_notebook(reader: Reader, store: Path, record: Path) -> None:
    form = {"mark-0": "50", "within": "2"}
    assert reader.post(f"/{PLACE}/prediction", form).status == 303
    before, notebook = reader.get("/").text, reader.get("/notebook").text
    assert send(reader, packed(record)).status == 303
    assert reader.get("/").text == before
    assert reader.get("/notebook").text == notebook
    assert NAME not in reader.get(f"/{PLACE}").text
    # One of this machine does count.
    keep(store, "mine", PLACE)
    assert reader.get("/").text != before


def test_scripts_in_all_its_texts_are_text(reader: Reader, record: Path) -> None:
    files = hostile.files_of(record)
    for name, content in files.items():
        if name.endswith((".json", ".jsonl")):
            for text in (b"pays order 7 again", b"Example", b"holds 2 charges"):
                content = content.replace(text, text + b" " + EVIL.encode())
            files[name] = content

    def titled(info: dict[str, object]) -> None:
        experiment = info["experiment"]
        assert isinstance(experiment, dict)
        for key in ("title", "question", "learned", "runs"):
            experiment[key] = f'{EVIL}" onload="x'
        experiment["source"][0]["url"] = "javascript:alert(1)"
        experiment["id"] = "execution/of_another"
        info["cause"] = EVIL

    evil = hostile.changed(files, "run.json", titled)
    other = hostile.changed(evil, "run.json", lambda info: info.update(id="other"))
    for name, each in (("evil.zip", evil), ("other.zip", other)):
        path = hostile.zipped(record.parent / name, each)
        assert send(reader, path.read_bytes()).status == 303
    for address in ("/runs", f"/runs/{NAME}", f"/runs/{NAME}/report", f"/compare?runs={NAME}&runs=other"):
        page = reader.get(address)
        assert page.status == 200, address
        assert EVIL not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert 'href="javascript:' not in page.text
        assert '" onload="x' not in page.text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Choose a file first|neither a .zip nor a .tar.gz"),
        (b"hello", "neither a .zip nor a .tar.gz"),
        (b"PK\x03\x04 and no more", "can't be read"),
        (b"\x1f\x8b and no more", "can't be read"),
    ],
)
def test_what_is_no_record_is_refused_where_the_form_is(
    reader: Reader, store: Path, content: bytes, says: str
) -> None:
    before = sorted(store.iterdir())
    answer = send(reader, content)
    assert answer.status == 400
    assert re.search(says, unescape(answer.text))
    assert 'role="alert"' in answer.text
    assert 'action="/runs/import"' in answer.text
    assert sorted(store.iterdir()) == before


def test_one_that_is_here_already_is_refused(reader: Reader, record: Path) -> None:
    assert send(reader, packed(record)).status == 303
    answer = send(reader, packed(record))
    assert answer.status == 400
    assert "in this store already" in answer.text


def test_files_that_are_left_out_are_said(reader: Reader, record: Path) -> None:
    path = hostile.zipped(
        record.parent / "more.zip", {**hostile.files_of(record), f"{NAME}/report.html": b"x"}
    )
    answer = send(reader, path.read_bytes())
    assert answer.status == 200
    assert "1 file in it that no record has was left out" in answer.text


def test_a_form_without_its_file_says_so(reader: Reader, record: Path) -> None:
    answer = send(reader, packed(record), field="another")
    assert answer.status == 400
    assert "Choose a file first" in answer.text
    assert reader.send("/runs/import", b"record=x", "application/x-www-form-urlencoded").status == 400
    assert reader.send("/runs/import", b"no parts", "multipart/form-data; boundary=x").status == 400


def test_too_large_or_from_another_site_is_not_even_read(reader: Reader, record: Path) -> None:
    answer = reader.send("/runs/import", b"x", "multipart/form-data; boundary=x", Content_Length=str(1 << 40))
    assert answer.status == 413
    foreign = reader.send(
        "/runs/import", packed(record), "multipart/form-data; boundary=x", Origin="http://evil.example"
    )
    assert foreign.status == 403


def test_a_run_s_page_gives_its_record_away(reader: Reader, store: Path, tmp_path: Path) -> None:
    folder = keep(store, NAME, PLACE)
    (folder / "report.html").write_text("x")
    answer = reader.fetch(f"/runs/{NAME}/record.zip")
    assert answer.headers["content-disposition"] == f'attachment; filename="{NAME}.zip"'
    path = tmp_path / "got.zip"
    path.write_bytes(answer.body)
    with zipfile.ZipFile(path) as found:
        names = found.namelist()
    assert f"{NAME}/run.json" in names
    assert f"{NAME}/report.html" not in names
    with serving(tmp_path / "another") as other:
        assert send(other, path.read_bytes()).status == 303


@pytest.mark.web
def test_a_file_that_is_chosen_in_a_browser_is_taken_in(
    reader: Reader, record: Path, tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("program:chromium")
    packed(record)
    with browsing(tmp_path / "profile") as browser:
        browser.go(reader.address)
        browser.go(f"http://{reader.host}:{reader.port}/runs")
        root = browser.say("DOM.getDocument")["root"]["nodeId"]
        chosen = browser.say("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
        browser.say("DOM.setFileInputFiles", nodeId=chosen, files=[str(record.parent / "packed.zip")])
        browser.click(".bring button")
        browser.until(f"location.pathname === '/runs/{NAME}' && document.querySelector('main h1')")
        assert "taken in from packed.zip" in browser.run("document.body.innerText")
        assert browser.complaints == []
