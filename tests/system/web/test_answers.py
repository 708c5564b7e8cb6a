"""What somebody said before a run, and what the page, the notebook and the terminal make of it after."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_runs import exchanges, keep
from web_lab import Reader, serving

from hinterland import catalogue

pytestmark = pytest.mark.system


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        yield found


def predict(reader: Reader, place: str, **form: str) -> None:
    assert reader.post(f"/{place}/prediction", {"within": "2", **form}).status == 303


def test_a_number_meets_what_was_measured(reader: Reader, store: Path) -> None:
    predict(reader, "protocols/nagle", number="35")
    run = keep(store, "protocols/nagle", exchanges(60, 61, 63), forty_and_two_rounds="holds")
    page = reader.get(f"/runs/{run}").text
    assert "35 ms, 8 times in 10 within a factor of 2" in page
    assert "It was 61 ms (60 ms to 63 ms; measured 3 times) here, within your factor of 2." in page
    assert "1 of 1 were met" in reader.get("/notebook").text


def test_a_number_that_missed_says_by_how_much(reader: Reader, store: Path) -> None:
    predict(reader, "protocols/nagle", number="10")
    run = keep(store, "protocols/nagle", exchanges(60, 61, 63), forty_and_two_rounds="holds")
    assert "6 times more, and your factor was 2" in reader.get(f"/runs/{run}").text
    assert "0 of 1 were met" in reader.get("/notebook").text


def test_what_a_run_leaves_open_is_not_counted(reader: Reader, store: Path) -> None:
    predict(reader, "protocols/nagle", number="60")
    run = keep(store, "protocols/nagle", exchanges(60, 61, 63), forty_and_two_rounds="inconclusive")
    page = reader.get(f"/runs/{run}").text
    assert "is open in this run" in page
    assert "So it is not counted." in page
    assert "How sure you were" not in reader.get("/notebook").text


def test_nobody_is_judged_by_a_book_that_this_machine_refutes(reader: Reader, store: Path) -> None:
    right = catalogue.find("execution/blocked_loop").prediction.correct
    predict(reader, "execution/blocked_loop", option=right, sure="0.97")
    run = keep(store, "execution/blocked_loop", [], everybody_waits="refuted", async_frees="holds")
    page = reader.get(f"/runs/{run}").text
    assert "was refuted in this run" in page
    assert "nobody is judged by the book here" in page
    assert "> right" not in page
    assert "How sure you were" not in reader.get("/notebook").text


def test_a_choice_that_this_machine_bears_out_is_right_or_not(reader: Reader, store: Path) -> None:
    predict(reader, "execution/blocked_loop", option="None", sure="0.97")
    run = keep(store, "execution/blocked_loop", [], everybody_waits="holds")
    assert "not so" in reader.get(f"/runs/{run}").text
    assert "0 of 1 were met" in reader.get("/notebook").text


def test_a_record_that_was_damaged_since_takes_no_notebook_with_it(reader: Reader, store: Path) -> None:
    predict(reader, "protocols/nagle", number="60")
    run = keep(store, "protocols/nagle", exchanges(60, 61), forty_and_two_rounds="holds")
    (store / run / "events.jsonl").write_bytes(b"not a line of ours\n")
    assert reader.get(f"/runs/{run}").status == 400
    notebook = reader.get("/notebook")
    assert notebook.status == 200
    assert "60 ms" in notebook.text


def test_who_said_nothing_reads_what_was_measured(reader: Reader, store: Path) -> None:
    run = keep(store, "protocols/nagle", exchanges(60, 61, 63), forty_and_two_rounds="holds")
    page = reader.get(f"/runs/{run}").text
    assert "Measured in this run: 61 ms" in page
    assert "You said" not in page


def test_a_run_in_the_terminal_says_what_became_of_what_was_said_here(reader: Reader, store: Path) -> None:
    answer = catalogue.find("execution/blocked_loop").prediction.correct
    predict(reader, "execution/blocked_loop", option=answer, sure="0.7")
    done = subprocess.run(
        [sys.executable, "-m", "hinterland", "run", "execution/blocked_loop", "--blocks", "1", "--quiet"],
        env={**os.environ, "HINTERLAND_STORE": str(store)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    said = " ".join(done.stdout.split())
    assert f"You had said: {answer} (I think so)." in said
    assert "That is right." in said or "nobody is judged by the book here" in said
