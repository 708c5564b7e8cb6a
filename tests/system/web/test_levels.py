"""A run at other levels: its form, what it refuses and shows again, and a run that has them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_lab import Answer, Reader, serving

from hinterland.runner.record.folder import list_runs

pytestmark = pytest.mark.system
PLACE = "/execution/blocked_loop"
PATIENT_S = 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[Reader]:
    with serving(store) as found:
        assert found.post(f"{PLACE}/prediction", {"skip": "1"}).status == 303
        yield found


def until_it_runs(reader: Reader, waiting: str) -> Answer:
    end = time.monotonic() + PATIENT_S
    while time.monotonic() < end:
        if (found := reader.get(waiting)).status == 303:
            return found
        assert "It did not run" not in found.text, found.text
        time.sleep(0.05)
    raise AssertionError("it did not begin")


def test_refused_levels_are_shown_again_with_the_reason(reader: Reader) -> None:
    form = {"nonce": "refused", "set-calls": "3, 9999, <b>many</b>"}
    answer = reader.post(f"{PLACE}/runs", form)
    assert answer.status == 400
    assert 'value="3, 9999, &lt;b&gt;many&lt;/b&gt;"' in answer.text
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert re.search(r"calls=9999 must be between", answer.text)
    assert '<details class="levels" open>' in answer.text


def test_an_address_fills_the_form_in(reader: Reader) -> None:
    page = reader.get(f"{PLACE}?set-calls=1&set-calls=64&set-nothing=%3Cscript%3E").text
    assert 'name="set-calls" value="64"' in page
    assert re.search(r'name="set-calls" value="1" checked', page)
    assert not re.search(r'name="set-calls" value="40" checked', page)
    assert "<script>" not in page.replace('<script type="module"', "")


def test_a_run_has_the_levels_that_were_asked_for(reader: Reader, store: Path) -> None:
    waiting = reader.post(f"{PLACE}/runs", {"nonce": "at-other-levels", "set-calls": "3"}).headers["location"]
    address = until_it_runs(reader, waiting).headers["location"]
    [info] = list_runs(store)
    assert info.set == {"calls": (3,)}
    assert {treatment["calls"] for treatment in info.treatments} == {3}
    assert reader.post(f"{address}/stop", {}).status == 303
    events = reader.get(f"{address}/events").text
    assert '"kind":"finished"' in events
