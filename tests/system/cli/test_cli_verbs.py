"""The verbs as a person meets them: real processes, real runs, documents and exit statuses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Place, scaffolded

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return scaffolded(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def first(place: Place) -> dict[str, Any]:
    """The document of a run of two blocks."""
    run = place.hinterland("run", "patterns/mine", "--json", "--blocks", "2", "--seed", "7")
    assert run.returncode in (0, 2), run.stderr
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def test_run_prints_a_document_and_nothing_else(first: dict[str, Any]) -> None:
    document = first

    assert document["experiment"] == "patterns/mine"
    assert (document["status"], document["blocks"], document["seed"]) == ("finished", 2, 7)
    assert [verdict["claim"] for verdict in document["verdicts"]] == ["waiting_is_passed_on"]
    assert document["verdicts"][0]["evidence"]["estimate"] > 5
    assert Path(document["report"]).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_the_exit_status_is_that_of_the_main_claims(place: Place) -> None:
    refuted = place.folder / "apis" / "refuted"
    assert place.hinterland("new", "apis/refuted", "--folder", str(place.folder)).returncode == 0
    manifest = (refuted / "experiment.toml").read_text()
    assert "ratio = 5," in manifest
    # A time that is said to be none: so a verdict is due on a machine whose hypervisor takes it away, too.
    manifest = manifest.replace("ratio = 5,", "ratio = 1000,").replace("better =", "timed = false\nbetter =")
    (refuted / "experiment.toml").write_text(manifest)

    run = place.hinterland("run", "apis/refuted", "--json", "--budget", "2m")

    assert run.returncode == 1, run.stdout
    assert json.loads(run.stdout)["exit_status"] == 1


def test_past_runs_are_listed_reported_and_judged_again(place: Place, first: dict[str, Any]) -> None:
    name = first["run"]

    listed = json.loads(place.hinterland("runs", "patterns/mine", "--json").stdout)
    assert name in [entry["run"] for entry in listed]
    assert "patterns/mine" in place.hinterland("runs").stdout

    again = json.loads(place.hinterland("recheck", name, "--json").stdout)
    assert again["changed"] == []
    assert again["verdicts"] == first["verdicts"]

    page = place.hinterland("report", name, "--output", "-").stdout
    assert page.lstrip().lower().startswith("<!doctype html>")
    told = place.hinterland("report", name.rpartition("-")[2]).stdout
    assert "A handler waits" in told
    assert all(len(line) <= 80 or name in line for line in told.splitlines())
    written = place.hinterland("report", name, "--output", "page.html")
    assert Path(written.stdout.strip()) == place.folder / "page.html"


def test_what_is_there_to_copy_names_the_store_that_was_given(place: Place, first: dict[str, Any]) -> None:
    store, elsewhere = str(place.folder / "store"), str(place.folder / "elsewhere")
    told = place.hinterland("report", first["run"], "--store", store, HINTERLAND_STORE=elsewhere).stdout
    commands = re.findall(r"hinterland (?:run|recheck)(?:[^\n]*\\\n)*[^\n]*", told)
    assert [command.count(f"--store {store}") for command in commands] == [1, 1]
    recheck = commands[1].replace("hinterland", f"{sys.executable} -m hinterland", 1)
    again = place.call(["sh", "-c", recheck], HINTERLAND_STORE=elsewhere)
    assert again.returncode in (0, 2), again.stderr
    listed = place.hinterland("runs", "--store", store, HINTERLAND_STORE=elsewhere).stdout
    assert listed.splitlines()[-1].endswith(f"--store {store}")
    assert "--store" not in place.hinterland("report", first["run"]).stdout


def test_like_repeats_the_same_trials(place: Place, first: dict[str, Any]) -> None:
    run = place.hinterland("run", "patterns/mine", "--like", first["run"], "--json")

    document = json.loads(run.stdout)
    assert document["seed"] == 7
    assert orders(document) == orders(first)


def orders(document: dict[str, Any]) -> list[Any]:
    events = (Path(document["folder"]) / "events.jsonl").read_text().splitlines()
    blocks = [event for event in map(json.loads, events) if event["type"] == "block_started"]
    return [block["trials"] for block in blocks]


def test_the_scaffold_passes_its_own_tests_where_it_was_made(place: Place) -> None:
    tests = place.call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "patterns/mine"])

    assert tests.returncode == 0, tests.stdout
    assert "4 passed" in tests.stdout
    assert "warning" not in tests.stdout


def test_tour_goes_on_after_a_failure_and_ends_with_the_worst_status(place: Place) -> None:
    broken = place.folder / "caching" / "broken"
    assert place.hinterland("new", "caching/broken").returncode == 0
    (broken / "experiment.py").write_text("raise RuntimeError('not today')\n")

    tour = place.hinterland("tour", "caching/broken", "patterns/mine", "--budget", "3s")

    assert tour.returncode in (64, 70), tour.stdout
    assert "not today" in tour.stdout
    assert "What was learned" in tour.stdout
    assert re.search(r"caching/broken +did not run", tour.stdout)


def test_tour_of_what_can_t_run_here_says_what_it_needs_and_that_it_did_not_run(place: Place) -> None:
    assert place.hinterland("new", "caching/needy").returncode == 0
    manifest = place.folder / "caching" / "needy" / "experiment.toml"
    text = manifest.read_text()
    assert "\nposition" in text
    manifest.write_text(text.replace("\nposition", '\nneeds = ["program:no-such-program"]\nposition', 1))

    tour = place.hinterland("tour", "caching/needy")

    assert tour.returncode == 69, tour.stdout
    assert "apt-get install -y no-such-program" in " ".join(tour.stdout.split())
    assert re.search(r"caching/needy +did not run", tour.stdout)
