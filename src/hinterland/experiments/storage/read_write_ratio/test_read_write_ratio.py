"""The checker judges recorded trials rightly, the claims can fail, the engines do what the lesson says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hinterland.lab import Outcome, UsageError
from hinterland.lab.testing import (
    RunOptions,
    TrialResult,
    Verdict,
    check,
    claims_of,
    experiment_of,
    judge,
    run_experiment,
    settings,
    treatments,
)

HERE = experiment_of(__file__)
SYSTEMS = HERE.folder / "systems"
ENGINES = ("sqlite", "lmdb", "rocksdb")


def recorded(name: str, **readings: Any) -> dict[str, Any]:
    """Returns a kept trial, with some of its readings replaced."""
    kept = HERE.recorded.trial(name)
    return {**kept, "readings": {**kept["readings"], **readings}}


@pytest.mark.parametrize(
    "readings",
    [{"idle_bytes": [20_000_000] * 2}, {"device_bytes": None}, {"idle_bytes": [0, None]}],
    ids=["others write as well", "no device counter", "counter lost while idle"],
)
def test_device_bytes_that_are_not_the_engines_own_are_not_reported(readings: dict[str, Any]) -> None:
    metrics = HERE.recorded.outcome(recorded("sqlite_all_writes", **readings)).metrics

    assert "device_bytes_per_user_byte" not in metrics
    assert "throughput_per_s" in metrics


def test_a_page_of_the_filesystem_itself_is_nobody_elses_load() -> None:
    history = recorded("sqlite_all_writes", idle_bytes=[20_000_000, 0])

    assert "device_bytes_per_user_byte" in HERE.recorded.outcome(history).metrics


def test_reading_what_is_not_there_voids_the_trial() -> None:
    driver = HERE.recorded.trial("lmdb_all_reads")["readings"]["driver"]

    assert HERE.recorded.broken(recorded("lmdb_all_reads", driver={**driver, "found": 999})) == [
        "data_is_there"
    ]


def test_a_throughput_that_keeps_falling_voids_the_trial() -> None:
    driver = HERE.recorded.trial("lmdb_all_reads")["readings"]["driver"]
    falling = [{**part, "counts": [5000 >> at] * 5} for at, part in enumerate(driver["slices"])]

    assert HERE.recorded.broken(recorded("lmdb_all_reads", driver={**driver, "slices": falling})) == [
        "steady"
    ]


def test_a_machine_that_stood_still_to_the_end_voids_the_trial() -> None:
    driver = HERE.recorded.trial("lmdb_all_reads")["readings"]["driver"]
    still = {"counts": [0] * 5, "engine_ns": 0, "read": [[], []], "write": [[], []]}
    slices = [*driver["slices"][:1], *(still for _ in driver["slices"][1:])]
    history = recorded("lmdb_all_reads", driver={**driver, "slices": slices})

    assert "measured" in HERE.recorded.broken(history)
    assert "throughput_per_s" not in HERE.recorded.outcome(history).metrics


def test_what_waited_for_a_machine_that_stood_still_is_no_cost_of_the_engine() -> None:
    driver = HERE.recorded.trial("lmdb_all_reads")["readings"]["driver"]
    calm = HERE.recorded.outcome(recorded("lmdb_all_reads")).metrics["throughput_per_s"]
    # One read of the last slice met a pause of 200 ms.
    last = {**driver["slices"][-1], "engine_ns": driver["slices"][-1]["engine_ns"] + 200_000_000}
    ends_ns = len(driver["slices"]) * 20_000_000
    long_one = [ends_ns - 205_000_000, ends_ns - 5_000_000]
    stood = {**driver, "slices": [*driver["slices"][:-1], last], "begun_ns": 0, "long": [long_one]}

    unknown = HERE.recorded.outcome(recorded("lmdb_all_reads", driver=stood)).metrics["throughput_per_s"]
    known = HERE.recorded.outcome(
        recorded("lmdb_all_reads", driver=stood, machine_stood_still=[long_one])
    ).metrics["throughput_per_s"]

    assert unknown < 0.8 * calm
    assert known == pytest.approx(calm)


def test_data_that_fits_the_memory_limit_voids_the_trial() -> None:
    kept = HERE.recorded.trial("lmdb_all_reads")
    kept["treatment"]["memory"] = "80MB"
    assert HERE.recorded.broken(kept) == ["beyond_memory"]

    kept["readings"]["driver"]["data_bytes"] = 140_000_000
    assert HERE.recorded.broken(kept) == []


def test_a_share_of_reads_above_1_is_refused_with_a_hint() -> None:
    with pytest.raises(UsageError, match=r"read_ratio=1\.2 must be between 0 and 1") as refused:
        settings(HERE.experiment, ["read_ratio=1.2"])
    assert "Give a share, such as 0.95 for 95 % reads." in refused.value.next_step


def trials(speeds: dict[str, tuple[float, float]], amplification: dict[str, float]) -> list[TrialResult]:
    """Returns eight blocks; an engine's time an operation goes evenly from its first speed to its second."""
    noise, found = np.random.default_rng(7), []
    for treatment in treatments(HERE.experiment, {}):
        share, engine = float(treatment["read_ratio"]), str(treatment["engine"])
        writing, reading = speeds[engine]
        rate = 1 / ((1 - share) / writing + share / reading)
        written = 100.0 if treatment["sync"] == "each_commit" else amplification[engine]
        for block in range(1, 9):
            metrics = {"throughput_per_s": rate * noise.lognormal(0, 0.05), "two_pages_per_row": 70.6}
            metrics["device_bytes_per_user_byte"] = written * noise.lognormal(0, 0.02)
            result = TrialResult(f"b{block}", block, treatment, 1, "done", Outcome(metrics=metrics), 0.5)
            found.append(result)
    return found


def verdicts(speeds: dict[str, tuple[float, float]], amplification: dict[str, float]) -> dict[str, Verdict]:
    experiment = HERE.experiment
    judged = judge(experiment, claims_of(experiment), trials(speeds, amplification))
    return {verdict.claim: verdict for verdict in judged}


def test_engines_that_made_different_bargains_cross() -> None:
    speeds = {"sqlite": (50e3, 180e3), "lmdb": (100e3, 900e3), "rocksdb": (340e3, 480e3)}

    found = verdicts(speeds, {"sqlite": 66, "lmdb": 31, "rocksdb": 4.3})

    assert {name: verdict.verdict for name, verdict in found.items()} == dict.fromkeys(found, "holds")
    assert {verdict.control.verdict for verdict in found.values()} == {"refuted"}
    crossing = found["crossover"].evidence
    # Where the two straight lines of time an operation meet: 7.06 (1 - s) = 0.97 s, in microseconds.
    assert crossing.estimate == pytest.approx(0.88, abs=0.06)
    assert crossing.low is not None
    assert crossing.high is not None
    assert crossing.low <= 0.88 <= crossing.high


def test_one_engine_ahead_from_end_to_end_refutes_the_claims() -> None:
    speeds = {"sqlite": (50e3, 180e3), "lmdb": (600e3, 900e3), "rocksdb": (340e3, 480e3)}

    found = verdicts(speeds, {"sqlite": 12, "lmdb": 31, "rocksdb": 4.3})

    assert {name: verdict.verdict for name, verdict in found.items()} == dict.fromkeys(found, "refuted")


def test_slices_count_each_operation_once_and_keep_latencies_within_1_percent() -> None:
    slices = HERE.module("slices")
    source = np.random.default_rng(1)
    latencies = source.lognormal(8, 1, 20_000).astype(np.int64) + 50
    done = np.cumsum(latencies + 100)
    started, read_ = done - latencies, source.random(20_000) < 0.7

    parts = slices.slices(*(array("q", column.tolist()) for column in (started, done, read_)))

    inside = done - started[0] < len(parts) * slices.WINDOWS * slices.COUNTED_NS
    assert len(parts) == (done[-1] - started[0]) // (slices.WINDOWS * slices.COUNTED_NS) >= 3
    assert sum(sum(part["counts"]) for part in parts) == inside.sum()
    assert sum(part["engine_ns"] for part in parts) == latencies[inside].sum()
    for kind, chosen in (("read", inside & read_), ("write", inside & ~read_)):
        kept = np.concatenate([np.repeat(*np.array(part[kind])) for part in parts])
        middles = np.exp((kept + 0.5) * slices.STEP)
        assert np.sort(middles) == pytest.approx(np.sort(latencies[chosen]), rel=0.006)


def driven(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(SYSTEMS / "driver.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_the_driver_runs_an_engine_by_itself(engine: str) -> None:
    result = driven(engine, "--keys", "5000", "--age", "1000", "--read-ratio", "0.8", "--window-s", "0.2")

    assert result["found"] == result["sampled"]
    assert result["reads"] / (result["reads"] + result["writes"]) == pytest.approx(0.8, abs=0.05)
    assert 0 < result["driver_overhead_us"] < 1e6 / result["operations_per_s"]


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ratio", ["0", "1"])
def test_all_writes_and_all_reads_are_exact(engine: str, ratio: str) -> None:
    result = driven(engine, "--keys", "5000", "--age", "0", "--read-ratio", ratio, "--window-s", "0.05")

    assert (result["reads"] == 0) == (ratio == "0")
    assert (result["writes"] == 0) == (ratio == "1")


KILLED = """
import importlib, os, signal, sys
from pathlib import Path
engine = importlib.import_module(sys.argv[1] + "_engine").Engine(Path(sys.argv[2]), "group", 1 << 20)
keys = [number.to_bytes(16, "big") for number in range(700)]
if sys.argv[3] == "write":
    engine.load((key, b"old") for key in keys)
    for key in keys:
        engine.put(key, b"new")
    os.kill(os.getpid(), signal.SIGKILL)
print(sum(engine.get(key) == b"new" for key in keys))
"""


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_process_loses_no_commit_even_without_fsync(engine: str, tmp_path: Path) -> None:
    def run(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, engine, str(tmp_path), what]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=SYSTEMS)

    assert run("write").returncode == -9
    assert run("read").stdout.strip() == "700"


def nobody_else_wrote(trials: Iterable[TrialResult]) -> bool:
    """Decides whether all trials knew their bytes, and those of a treatment agree on how many they are.

    The same work writes the same bytes, within 5 %: what exceeds the least of its treatment, others wrote.
    """
    found: dict[tuple[Any, ...], list[float]] = {}
    for each in trials:
        bytes_per_byte = each.outcome.metrics.get("device_bytes_per_user_byte", float("inf"))
        found.setdefault((each.treatment["engine"], each.treatment["sync"]), []).append(bytes_per_byte)
    return all(max(several) <= 1.2 * min(several) < float("inf") for several in found.values())


@pytest.mark.parametrize(
    ("sqlite", "quiet"),
    [
        ([66.0, 65.9, 66.2], True),
        ([66.0, 90.0, 66.2], False),
        ([66.0, None, 66.2], False),
        ([None] * 3, False),
    ],
    ids=["all alike", "one wrote more", "one does not know", "none knows"],
)
def test_what_others_wrote_shows_in_trials_of_the_same_work(sqlite: list[float | None], quiet: bool) -> None:
    def told(engine: str, written: float | None) -> TrialResult:
        metrics = {} if written is None else {"device_bytes_per_user_byte": written}
        outcome = Outcome(metrics=metrics)
        return TrialResult("t", 1, {"engine": engine, "sync": "group"}, 1, "done", outcome, 0.5)

    rocksdb = [told("rocksdb", written) for written in (4.3, 4.1, 4.2)]
    assert nobody_else_wrote([*rocksdb, *(told("sqlite", written) for written in sqlite)]) == quiet


@pytest.mark.system
def test_a_real_run_decides_write_amplification_and_its_control_bites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Bytes are counted, not time: others may use the cores.
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    counters = check("capability:block_device_counters")
    if not counters.available and os.environ.get("CI") != "true":
        pytest.skip(counters.where)
    chosen: dict[str, tuple[Any, ...]] = {"engine": ("sqlite", "rocksdb"), "read_ratio": (0.0,)}

    record = run_experiment(HERE.experiment, RunOptions(set=chosen, blocks=6, seed=1, store=tmp_path))

    verdict = next(verdict for verdict in record.verdicts if verdict.claim == "write_amplification")
    if nobody_else_wrote(record.trials):
        assert verdict.verdict == "holds", verdict.cause
        assert verdict.control.verdict == "refuted"
    # What others write to the same device leaves it open, and never turns it over.
    assert verdict.verdict != "refuted", verdict.cause
    assert verdict.control.verdict != "holds"
    assert verdict.evidence.estimate is not None
    assert verdict.control.estimate is not None
    assert verdict.evidence.estimate > 2 * verdict.control.estimate
