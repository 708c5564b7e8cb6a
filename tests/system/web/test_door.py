"""The front door: what `hinterland serve` says where there is a browser and where there is none, and one step
from a prediction to its run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from web_lab import serving

from hinterland.runner.record.folder import list_runs
from hinterland.web.reader.notebook import Notebook

pytestmark = pytest.mark.system
NO_SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "MAKELEVEL")


def said(store: Path, *words: str, **environment: str) -> list[str]:
    """Returns the first lines that a server prints, with the address last where a browser was opened."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hinterland", "serve", "--port", "0", *words],
        env={
            **{name: value for name, value in os.environ.items() if name not in NO_SCREEN},
            "HINTERLAND_STORE": str(store),
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        rest = [process.stdout.readline()]
        while "Ctrl-C" not in rest[-1]:
            rest.append(process.stdout.readline())
        if environment.get("OPENED"):
            rest.append(process.stdout.readline())
        return [first, *rest]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_without_a_browser_the_way_by_ssh_can_be_copied(tmp_path: Path) -> None:
    address, ssh, end = said(
        tmp_path, SSH_CONNECTION="192.0.2.7 50000 192.0.2.1 2222", USER="ann", LOGNAME="ann"
    )
    port = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+", address)
    assert port is not None
    assert f"ssh -L {port[1]}:127.0.0.1:{port[1]} -p 2222 ann@192.0.2.1" in ssh
    assert "hinterland tour" in end


def test_make_names_its_own_tour(tmp_path: Path) -> None:
    assert "make tour" in said(tmp_path, MAKELEVEL="1")[-1]


def test_where_there_is_a_browser_it_opens_the_address(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text('#!/bin/sh\necho "opened $1"\n')
    program.chmod(0o755)
    address, _, opened = said(tmp_path, BROWSER=f"{program} %s", OPENED="yes")
    assert opened.split()[1] in address
    assert "ssh" not in "".join((address, opened))


def test_no_open_opens_nothing(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    program.chmod(0o755)
    assert "ssh -L" in said(tmp_path, "--no-open", BROWSER=f"{program} %s")[1]
    assert not (tmp_path / "opened").exists()


def test_a_double_click_on_predict_and_run_is_one_prediction_and_one_run(tmp_path: Path) -> None:
    with serving(tmp_path) as reader:
        page = reader.get("/execution/blocked_loop").text
        nonce = re.search(r'name="run" value="([^"]+)"', page)
        assert nonce is not None
        form = {"option": "None", "sure": "0.7", "within": "2", "run": nonce[1]}
        first, second = (reader.post("/execution/blocked_loop/prediction", form) for _ in range(2))
        assert (first.status, second.status) == (303, 303)
        assert first.headers["location"] == second.headers["location"] == f"/waiting/{nonce[1]}"
        said = [each.kind for each in Notebook(tmp_path).entries()]
        assert said == ["predicted"]
        reader.post(f"/runs/{nonce[1]}/stop", {})
    assert len(list_runs(tmp_path)) <= 1


def test_a_prediction_that_is_none_starts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as reader:
        answer = reader.post("/execution/blocked_loop/prediction", {"within": "2", "run": "n"})
        assert answer.status == 400
        assert reader.get("/waiting/n").status == 404
    assert Notebook(tmp_path).entries() == []
