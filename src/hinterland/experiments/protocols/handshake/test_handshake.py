"""Recorded handshakes are counted as they must be; real ones take the round trips of the standards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.rig.certificate import certificate
from hinterland.runner import code, packet_files
from hinterland.runner.recorded import Recorded

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
RECORDED = Recorded(FOLDER, CODE.outcome)


def test_a_missing_connection_is_no_evidence() -> None:
    recorded = RECORDED.trial("strangers_tls13")
    recorded["readings"]["connections"].pop()
    [as_asked, _] = RECORDED.outcome(recorded).assumptions
    assert not as_asked.held


@pytest.mark.system
@pytest.mark.parametrize(("protocol", "start"), [("tls13", "early"), ("tls12", "resumed")])
def test_the_programs_run_on_their_own(
    protocol: str, start: str, tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("python:OpenSSL")
    own = certificate(tmp_path, ["localhost"])
    systems = FOLDER / "systems"
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
def test_every_handshake_takes_its_round_trips(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in EXPERIMENT.needs:
        require(need.removesuffix("?"))
    done = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1))
    assert [(one.cause, one.log) for one in done.trials if one.status == "failed"] == []
    # What disturbs the clock on a busy machine voids a trial; the rest of it must stand.
    timed = {"link_as_asked", "connections_agree", "machine_quiet"}
    seen = []
    for one in done.trials:
        assert {each.id for each in one.outcome.assumptions if not each.held} <= timed, one.outcome
        if any(not each.held for each in one.outcome.assumptions):
            continue
        seen.append(one)
        found = bool(one.outcome.findings)
        assert found == (one.treatment["guess"] == "wrong"), (one.treatment, one.outcome)
    assert len(seen) > len(done.trials) / 2
    for one in seen:
        packets = packet_files.load(Path(done.folder), one.id, "one")
        # One connection alone: every packet goes from or to one port of the client.
        client = packets.hosts.index("client")
        ports = {bytes(head[20:22]) for head in packets.head[packets.source == client]}
        assert len(ports) == 1
        assert len(packets) >= 4


@pytest.mark.system
def test_a_treatment_that_does_not_exist_says_so(tmp_path: Path, require: Callable[[str], None]) -> None:
    for need in EXPERIMENT.needs:
        require(need.removesuffix("?"))
    asked: dict[str, tuple[Any, ...]] = {"protocol": ("quic",), "start": ("first",), "server": ("nginx",)}
    options = RunOptions(set={**asked, "rtt_ms": (0,)}, blocks=1, store=tmp_path)
    causes = {one.cause.splitlines()[0] for one in run_experiment(EXPERIMENT, options).trials}
    assert any("server=nginx does not offer quic" in cause for cause in causes), causes
