"""Recorded handshakes are counted as they must be; real ones take the round trips of the standards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland.lab import certificate
from hinterland.lab.testing import RunOptions, experiment_of, packet_files, run_experiment

HERE = experiment_of(__file__)


def test_a_missing_connection_is_no_evidence() -> None:
    recorded = HERE.recorded.trial("strangers_tls13")
    recorded["readings"]["connections"].pop()
    [as_asked, _] = HERE.recorded.outcome(recorded).assumptions
    assert not as_asked.held


def test_a_stall_that_spares_one_connection_convicts_nobody() -> None:
    recorded = HERE.recorded.trial("strangers_tls13")
    for each in recorded["readings"]["connections"][1:]:
        each["done_ns"] += 80_000_000
    outcome = HERE.recorded.outcome(recorded)
    assert (outcome.findings, round(outcome.metrics["round_trips"], 1)) == ((), 3.0)
    assert [each.id for each in outcome.assumptions if not each.held] == ["connections_agree"]


@pytest.mark.parametrize(("added_ms", "convicts"), [(-48, True), (-1, False), (40, False), (50, True)])
def test_time_that_is_no_whole_round_trip_is_none(added_ms: int, convicts: bool) -> None:
    recorded = HERE.recorded.trial("strangers_tls13")
    for each in recorded["readings"]["connections"]:
        each["done_ns"] += added_ms * 1_000_000
    assert bool(HERE.recorded.outcome(recorded).findings) == convicts


@pytest.mark.system
@pytest.mark.parametrize(("protocol", "start"), [("tls13", "early"), ("tls12", "resumed")])
def test_the_programs_run_on_their_own(
    protocol: str, start: str, tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("python:OpenSSL")
    own = certificate(tmp_path, ["localhost"])
    systems = HERE.folder / "systems"
    serve = [sys.executable, str(systems / "tls_server.py"), "0", "--early-data"]
    keys = ["--certificate", str(own.path), "--key", str(own.key_path)]
    with subprocess.Popen([*serve, *keys], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split()[-1]
            ask = [sys.executable, str(systems / "tls_client.py"), "127.0.0.1", port, "--count", "2"]
            options = ["--protocol", protocol, "--start", start, "--certificate", str(own.path)]
            done = subprocess.run([*ask, *options], capture_output=True, text=True, timeout=60, check=True)
        finally:
            server.kill()
    met = json.loads(done.stdout.splitlines()[-1])
    wanted = {"tls13": "TLSv1.3 resumed early", "tls12": "TLSv1.2 resumed"}[protocol]
    assert [each["seen"] for each in met] == [wanted, wanted]


@pytest.mark.system
def test_every_handshake_takes_its_round_trips(require: Callable[[str], None], tmp_path: Path) -> None:
    for need in HERE.experiment.needs:
        require(need.removesuffix("?"))
    done = run_experiment(HERE.experiment, RunOptions(blocks=1, store=tmp_path, seed=1))
    assert [(one.cause, one.log) for one in done.trials if one.status == "failed"] == []
    # What a busy machine may break; a trial that it disturbed counts no round trips, and the rest must stand.
    busy = {"link_as_asked", "link_on_time", "connections_agree", "machine_quiet"}
    for one in done.trials:
        assert {each.id for each in one.outcome.assumptions if not each.held} <= busy, one.outcome
        metrics, wrong = one.outcome.metrics, one.treatment["guess"] == "wrong"
        if not one.disturbed:
            assert bool(one.outcome.findings) == wrong, (one.treatment, one.outcome)
        if one.treatment["rtt_ms"]:
            # Added time can only add: nobody is sooner than the standards allow, on any machine.
            assert metrics["round_trips"] > metrics["expected_round_trips"] + wrong - 0.05
        packets = packet_files.load(Path(done.folder), one.id, "one")
        # One connection alone: every packet goes from or to one port of the client.
        client = packets.hosts.index("client")
        ports = {bytes(head[20:22]) for head in packets.head[packets.source == client]}
        assert len(ports) == 1
        assert len(packets) >= 4


@pytest.mark.system
def test_a_treatment_that_does_not_exist_says_so(tmp_path: Path, require: Callable[[str], None]) -> None:
    for need in HERE.experiment.needs:
        require(need.removesuffix("?"))
    asked: dict[str, tuple[Any, ...]] = {"protocol": ("quic",), "start": ("first",), "server": ("nginx",)}
    options = RunOptions(set={**asked, "rtt_ms": (0,)}, blocks=1, store=tmp_path)
    causes = {one.cause.splitlines()[0] for one in run_experiment(HERE.experiment, options).trials}
    assert any("server=nginx does not offer quic" in cause for cause in causes), causes
