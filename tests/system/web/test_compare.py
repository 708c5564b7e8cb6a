"""Runs side by side: what is chosen, what differs, one axis for all, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from finished_runs import keep
from web_lab import Reader, serving

from hinterland import catalogue

pytestmark = pytest.mark.system
PLACE = "execution/blocked_loop"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    store = tmp_path_factory.mktemp("store")
    keep(store, "one", PLACE, seed=1)
    evil = {"cpu": "<script>alert(1)</script>", "cores": 64}
    keep(store, "two", PLACE, seed=2, times=50.0, machine=evil, set={"calls": (3,)})
    for number in range(3, 6):
        keep(store, f"other-{number}", PLACE)
    keep(store, "elsewhere", "protocols/nagle")
    (store / "broken").mkdir()
    (store / "broken" / "run.json").write_text("{")
    with serving(store) as found:
        yield found


def words(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def test_what_was_otherwise_comes_first_and_as_text(reader: Reader) -> None:
    page = reader.get("/compare?runs=one&runs=two")
    assert page.status == 200
    differ = page.text.partition('id="differ"')[2].partition("<details>")[0]
    assert "cores 2 64" in words(differ)
    assert "seed 1 2" in words(differ)
    assert "budget" not in words(differ)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


def test_all_runs_have_one_axis_and_the_claims_stand_in_one_table(reader: Reader) -> None:
    page = reader.get("/compare?runs=one&runs=two").text
    first = page.partition('<div class="columns"')[2].partition('<div class="beside"')[0]
    drawings = re.findall(r"<svg [^>]*any.*?</svg>", first, re.DOTALL)
    assert len(drawings) == 2
    ticks = [re.findall(r'text-anchor="middle"[^>]*>([^<]+)<', drawing) for drawing in drawings]
    assert ticks[0] == ticks[1] != []
    table = words(page.partition('id="claims"')[2])
    for claim in catalogue.find(PLACE).claim:
        assert claim.says in table
    assert "4x (3x to 5x)" in table
    assert "200x (150x to 250x)" in table


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 400, "2 to 4 runs stand side by side; none is chosen"),
        ("runs=one", 400, "1 is chosen"),
        ("runs=one&runs=one", 400, "1 is chosen"),
        ("runs=one&runs=two&runs=other-3&runs=other-4&runs=other-5", 400, "5 are chosen"),
        ("runs=one&runs=elsewhere", 400, "only runs of one experiment"),
        ("runs=one&runs=none", 404, "no such run"),
        ("runs=one&runs=..%2F..%2Fetc", 404, "no such run"),
        ("runs=one&runs=broken", 400, "can&#39;t be read"),
        ("runs=one&runs=%00", 404, "no such run"),
    ],
)
def test_what_can_t_be_put_side_by_side_is_refused_in_words(
    reader: Reader, query: str, status: int, says: str
) -> None:
    answer = reader.get(f"/compare?{query}")
    assert (answer.status, says in answer.text) == (status, True), answer.text


def test_plain_forms_lead_there(reader: Reader) -> None:
    listed = reader.get("/runs").text
    assert '<form method="get" action="/compare">' in listed
    assert '<input type="checkbox" name="runs" value="one"' in listed
    of_run = reader.get("/runs/one").text.partition('action="/compare"')[2].partition("</form>")[0]
    assert '<input type="hidden" name="runs" value="one">' in of_run
    assert 'value="two"' in of_run
    assert 'value="elsewhere"' not in of_run
    assert 'value="one"' not in of_run.partition("<select")[2]


def test_who_compares_has_seen_what_there_is_to_see(tmp_path: Path) -> None:
    keep(tmp_path, "one", PLACE)
    keep(tmp_path, "two", PLACE)
    with serving(tmp_path) as reader:
        assert "What do you expect?" in reader.get(f"/{PLACE}").text
        reader.get("/compare?runs=one&runs=two")
        assert "What do you expect?" not in reader.get(f"/{PLACE}").text
