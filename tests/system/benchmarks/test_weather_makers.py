"""The weather makers of `benchmarks/weather` start, take processor time, and end with their block."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from hinterland.rig.processes.process_table import descendants, entry, scan

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

pytestmark = pytest.mark.system


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return importlib.import_module("benchmarks.weather.makers")


def wait_until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.02)


def below(pid: int) -> dict[int, int]:
    """Returns what runs below a process and itself: pid -> when it started."""
    table = scan()
    pids = [pid, *(each.pid for each in descendants(table, [pid]))]
    return {each: table[each].start_ticks for each in pids if each in table}


def used_s(pid: int) -> float:
    """Returns the processor time of a process, its children that ended and its descendants that live."""
    ticks = 0
    for each in below(pid):
        try:
            words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(word) for word in words[11:15])
    return ticks / TICKS_PER_S


def gone(processes: dict[int, int]) -> bool:
    living = {pid: found for pid in processes if (found := entry(pid)) is not None and not found.ended}
    return not any(found.start_ticks == processes[pid] for pid, found in living.items())


@pytest.mark.parametrize(
    ("name", "ordinary"),
    [("neighbour", False), ("stolen", False), ("stolen", True), ("stalls", False), ("stalls", True)],
)
def test_a_maker_takes_time_and_ends_with_the_block(makers: ModuleType, name: str, ordinary: bool) -> None:
    with makers.weather(name, 600.0, ordinary=ordinary) as maker:
        wait_until(lambda: used_s(maker.pid) >= 0.3)
        processes = below(maker.pid)
        assert set(maker.workers) <= set(processes)
    assert gone(processes)
    assert maker.cpu_s >= 0.2
    assert 0 < maker.cores_taken <= len(os.sched_getaffinity(0)) * 1.1


def test_ordinary_processes_say_that_they_are(makers: ModuleType) -> None:
    with makers.weather("stolen", 600.0, ordinary=True) as maker:
        assert "no right to SCHED_FIFO" in maker.how
        policies = {os.sched_getscheduler(pid) for pid in maker.workers}
    assert policies == {os.SCHED_OTHER}


def test_quiet_starts_nothing(makers: ModuleType) -> None:
    before = set(below(os.getpid()))
    with makers.weather("quiet", 600.0) as maker:
        assert set(below(os.getpid())) <= before
    assert maker.cpu_s == 0.0


def outlive(makers: ModuleType) -> None:
    with makers.weather("stolen", 0.5) as maker:
        processes = below(maker.pid)
        wait_until(lambda: gone(processes))


def test_a_maker_ends_by_itself_when_its_time_is_up(makers: ModuleType) -> None:
    with pytest.raises(makers.WeatherError, match="ended before"):
        outlive(makers)


def fail(makers: ModuleType, found: dict[int, int]) -> None:
    with makers.weather("stolen", 600.0) as maker:
        found |= below(maker.pid)
        raise ZeroDivisionError


def test_what_goes_wrong_in_the_block_ends_the_maker_too(makers: ModuleType) -> None:
    found: dict[int, int] = {}
    with pytest.raises(ZeroDivisionError):
        fail(makers, found)
    assert found
    wait_until(lambda: gone(found))


@pytest.mark.parametrize("name", ["neighbour", "stolen"])
def test_a_maker_dies_with_who_made_it(
    makers: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who is killed leaves its folder behind.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = (
        "import time\n"
        "from benchmarks.weather.makers import weather\n"
        f"with weather({name!r}, 600.0) as maker:\n"
        "    print(maker.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        wait_until(lambda: len(below(pid)) > 1)
        processes = below(pid)
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
    wait_until(lambda: gone(processes))


def test_there_is_no_other_weather(makers: ModuleType) -> None:
    with pytest.raises(makers.WeatherError, match="no weather hail"), makers.weather("hail", 1.0):
        pass
