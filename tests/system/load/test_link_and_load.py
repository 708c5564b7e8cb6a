"""A load that `hinterland link` started in one host goes to the other; what proves it holds only there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from hinterland.load.conductor import link_proof
from hinterland.load.conductor.consent import admitted
from hinterland.load.conductor.link_proof import VARIABLE, note_for, proven
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan
from hinterland.rig.processes.namespaces import own

pytestmark = pytest.mark.system

HINTERLAND = [sys.executable, "-m", "hinterland"]
SERVER = f"{sys.executable} -m http.server 8000"
LOAD = [*HINTERLAND, "load", "--rate", "20", "--count", "10", "--timeout", "9s", "--json"]


def behind_link(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    link = [*HINTERLAND, "link", "--rtt", "20ms", "--quiet", "--server", SERVER, "--", *words]
    return subprocess.run(
        link, capture_output=True, text=True, timeout=90, check=False, env=environment, cwd=tmp_path
    )


@pytest.mark.parametrize("url", ["http://server:8000/", "http://198.18.0.2:8000/"])
def test_a_load_goes_through_the_link_it_runs_in(
    require: Callable[[str], None], tmp_path: Path, url: str
) -> None:
    require("capability:link")
    found = behind_link(tmp_path, *LOAD, url)
    assert found.stdout, found.stderr
    figures = json.loads(found.stdout)["figures"]
    assert (figures["answered"], figures["errors"]) == (10, {})
    assert figures["response"]["least_s"] >= 0.019


def test_nobody_else_is_reached_from_there(require: Callable[[str], None], tmp_path: Path) -> None:
    require("capability:link")
    found = behind_link(tmp_path, *LOAD, "http://192.0.2.7:8000/")
    assert found.returncode == 64
    assert "has not agreed to be put under load" in found.stderr


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns a note for this very process's network, which no link made, in the environment."""
    here = SimpleNamespace(network=own("net"))
    one = SimpleNamespace(address="198.18.0.2", address6="")
    host = SimpleNamespace(namespaces=here, link=SimpleNamespace(hosts={"server": one}))
    made = note_for(cast(Any, host), tmp_path)[VARIABLE]
    os.close(here.network)
    monkeypatch.setenv(VARIABLE, made)
    return made


def test_a_note_holds_where_and_as_long_as_it_says(
    note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proven(tmp_path) == {"198.18.0.2"}
    asked = plan("http://198.18.0.2:9/", Asked())
    assert asyncio.run(admitted(asked, state=tmp_path)).target.address == "198.18.0.2"
    # Another user's secret; other words under the same seal; none.
    assert proven(tmp_path / "other") == frozenset()
    for wrong in (note.replace("198.18.0.2", "192.0.2.1"), note.partition(" ")[2], "", "x", " "):
        monkeypatch.setenv(VARIABLE, wrong)
        assert proven(tmp_path) == frozenset()


def test_a_note_of_another_network_or_of_a_link_that_ended_proves_nothing(
    note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # A link that was kept by an earlier process of the same number.
        patch.setattr(link_proof, "_since", lambda pid: -1)
        assert proven(tmp_path) == frozenset()
    here = os.stat("/proc/self/ns/net")
    began = link_proof._since(os.getpid())
    text = link_proof.Note((here.st_dev, here.st_ino + 1), os.getpid(), began, ("198.18.0.2",))
    encoded = msgspec.json.encode(text)
    monkeypatch.setenv(VARIABLE, f"{link_proof._seal(encoded, tmp_path)} {encoded.decode()}")
    assert proven(tmp_path) == frozenset()
