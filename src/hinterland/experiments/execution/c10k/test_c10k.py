"""Recorded trials give the outcome they must; of the real servers only the pool leaves clients waiting."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hinterland.lab import SetupError, limits
from hinterland.lab.testing import OneBlock, TrialResult, experiment_of, load_run

HERE = experiment_of(__file__)
SILENT = 1000 - 16


def test_a_batch_with_one_client_waiting_counts() -> None:
    recorded = HERE.recorded.trial("everybody_is_served")
    recorded["loads"]["silent"]["done_us"][250] = None
    recorded["readings"]["served_at_the_end"] -= 1
    outcome = HERE.recorded.outcome(recorded)
    assert [finding.says for finding in outcome.findings] == [
        "1 of the clients 201 to 300 never had an answer"
    ]
    assert outcome.tries["left_waiting"] == 10
    assert "accept_ms" not in outcome.metrics


def test_a_stall_of_the_machine_moves_a_percentile_but_not_the_share_in_time() -> None:
    recorded = HERE.recorded.trial("everybody_is_served")
    active = recorded["loads"]["active"]
    last_us = max(active["intended_us"])
    for place, due_us in enumerate(active["intended_us"]):
        if due_us > last_us - 100_000:
            active["done_us"][place] += 150_000
    metrics = HERE.recorded.outcome(recorded).metrics
    assert metrics["active_p95_ms"] > 150
    assert metrics["in_time_share"] == 1


def test_the_ramp_ends_with_the_last_client() -> None:
    recorded = HERE.recorded.trial("everybody_is_served")
    outcome = HERE.recorded.outcome(recorded)
    curve = outcome.series["clients_served_by_second"]
    assert curve[0][1] == 1
    assert curve[-1][0] == pytest.approx(outcome.metrics["accept_ms"] / 1e3)
    assert curve[-1][1] == 936
    assert curve == sorted(curve)


def test_a_server_is_divided_only_where_one_process_may_not_have_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = HERE.source
    for name, value in (("files", 20_000), ("stacks", 30_000), ("threads", 40_000)):
        monkeypatch.setattr(limits, name, lambda value=value: value)
    assert [module.copies("uvloop", n) for n in (100, 10_000, 19_800, 19_801, 50_000)] == [1, 1, 1, 2, 3]
    assert module.copies("process_pool", 50_000) == 1
    monkeypatch.setattr(limits, "files", lambda: 1 << 20)
    assert (module.copies("node", 50_000), module.copies("threads", 39_000)) == (1, 2)
    with pytest.raises(SetupError, match="this machine has room for 40,000 more"):
        module.copies("java", 50_000)


def test_the_active_are_a_share_but_never_too_few_to_ask_in_turn() -> None:
    module = HERE.source
    asked = [(100, 0.01), (100, 0.9), (10_000, 0.01), (10_000, 0.5)]
    assert [module.actives(*each) for each in asked] == [16, 90, 100, 5000]


def test_a_server_that_dropped_silent_clients_gives_no_evidence() -> None:
    recorded = HERE.recorded.trial("everybody_is_served")
    recorded["readings"]["served_at_the_end"] -= 36
    [stayed] = HERE.recorded.outcome(recorded).assumptions
    assert (stayed.held, stayed.measured) == (False, "900 of 936")


def test_the_weak_variant_says_so_and_every_level_has_a_program() -> None:
    assert "Weak on purpose" in (HERE.folder / "systems" / "process_pool.py").read_text()
    assert {path.name for path in (HERE.folder / "systems").iterdir() if path.is_file()} == {
        "threads.py", "process_pool.py", "event_loop.py", "epoll.py", "server.js", "Server.java",
    }  # fmt: skip


def run(one_block: OneBlock, *variants: str, needs: Sequence[str] = ()) -> dict[str, TrialResult]:
    """Returns a real trial of each variant with a thousand clients."""
    trials = one_block(HERE, *needs, connections=(1000,), variant=variants)
    return {str(one.treatment["variant"]): one for one in trials}


@pytest.mark.system
def test_the_pool_serves_its_128_and_nobody_else(one_block: OneBlock) -> None:
    outcome = run(one_block, "process_pool")["process_pool"].outcome
    assert outcome.metrics["left_waiting"] == SILENT - 128
    assert outcome.metrics["in_time_share"] == 0
    assert outcome.metrics["active_p50_ms"] == 500
    assert [finding.key for finding in outcome.findings] == [f"batch {n}" for n in range(2, 11)]


@pytest.mark.system
def test_all_others_serve_everybody(one_block: OneBlock) -> None:
    needs = ("program:node", "program:java", "program:javac")
    trials = run(one_block, "threads", "asyncio", "uvloop", "epoll", "node", "java", needs=needs)
    grown_kib = {}
    for variant, trial in trials.items():
        metrics = trial.outcome.metrics
        # A trial that hardly settled keeps too few requests for a 95th percentile.
        assert set(metrics) | {"active_p95_ms"} == set(HERE.experiment.metric), variant
        assert (metrics["left_waiting"], metrics["active_errors"], trial.outcome.findings) == (0, 0, ())
        grown_kib[variant] = metrics["memory_per_connection_kib"]
    assert grown_kib["threads"] > 4 * grown_kib["asyncio"] > 4 * grown_kib["epoll"] > 0
    assert grown_kib["java"] > 4 * grown_kib["node"]


@pytest.mark.system
def test_where_few_files_may_be_opened_clients_and_servers_are_several(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    require("program:node")
    few = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (900, 900));"
    words = ["run", "execution/c10k", "--set", "connections=1200", "--blocks", "1", "--store", str(tmp_path)]
    words += ["--set", "variant=threads,uvloop,node"]
    done = subprocess.run(
        [sys.executable, "-c", f"{few} runpy.run_module('hinterland', run_name='__main__')", *words],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in (0, 1, 2), done.stderr.decode()
    found = load_run(tmp_path, "last").trials
    assert [(one.cause, one.log) for one in found if one.status == "failed"] == []
    processes = {one.treatment["variant"]: one.outcome.metrics["server_processes"] for one in found}
    assert processes == {"threads": 2, "uvloop": 2, "node": 3}
    assert {one.outcome.metrics["left_waiting"] for one in found} == {0}
