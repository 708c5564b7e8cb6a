"""The parts of the rig that only compute: quoting, parsing, the devices of paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hinterland.rig.machine import description as machine
from hinterland.rig.probes import device, memory, sampler
from hinterland.rig.processes import shared_memory
from hinterland.rig.processes.accounts import Account, can_reach
from hinterland.rig.services import postgresql, redis


@pytest.mark.parametrize(
    ("value", "quoted"), [(True, "on"), (False, "off"), (8, "'8'"), ("it's", "'it''s'"), (Path("/a"), "'/a'")]
)
def test_postgresql_settings(value: object, quoted: str) -> None:
    assert postgresql._quoted(value) == quoted


@pytest.mark.parametrize(
    ("value", "quoted"),
    [("", '""'), (True, "yes"), ("60 100", "60 100"), ('say "x"', '"say \\"x\\""'), (1, "1")],
)
def test_redis_settings(value: object, quoted: str) -> None:
    assert redis._quoted(value) == quoted


def test_no_device_under_memory_and_proc() -> None:
    assert device.counter_of(Path("/proc")) is None
    if Path("/dev/shm").is_dir():
        with device.DeviceBytes(Path("/dev/shm")) as counted:
            pass
        assert counted.written_bytes is None
        assert counted.device == ""


def test_who_can_reach_a_folder(tmp_path: Path) -> None:
    stranger = Account("stranger", 54_321, 54_321)
    closed = tmp_path / "closed"
    inside = closed / "inside"
    inside.mkdir(parents=True)
    closed.chmod(0o700)
    assert not can_reach(inside, stranger)
    assert can_reach(Path("/usr/bin"), stranger)
    assert can_reach(inside, None)
    owner = Account("owner", os.getuid(), os.getgid())
    assert can_reach(inside, owner)


def test_the_segment_that_a_data_folder_names(tmp_path: Path) -> None:
    data = tmp_path / "trial" / "postgresql" / "data"
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text(
        "12\n/data\n1\n5432\n/tmp\n127.0.0.1\n  2147483000     2147483001\nready\n"
    )
    assert shared_memory._segment(data / "postmaster.pid") == (2147483000, 2147483001)
    # No segment has that number, so none is removed.
    assert shared_memory.release(tmp_path) == []
    (data / "postmaster.pid").write_text("half a file")
    assert shared_memory.release(tmp_path) == []


def test_cpu_time_of_a_process_grows() -> None:
    before = sampler.cpu_ns(os.getpid())
    sum(range(200_000))
    assert sampler.cpu_ns(os.getpid()) > before > 0
    assert sampler.cpu_ns(2**22 + 1) == 0


def test_what_the_sampler_reads_of_ourselves() -> None:
    own = os.getpid()
    assert sampler.thread_count(own) >= 1
    assert sampler.open_files(own) >= 3
    assert sampler.pss_bytes(own) > 1_000_000
    assert (
        sampler.thread_count(2**22 + 1) == sampler.open_files(2**22 + 1) == sampler.pss_bytes(2**22 + 1) == 0
    )


def test_the_machine_as_json_values(tmp_path: Path) -> None:
    import json

    described = machine.describe(tmp_path)
    assert json.loads(json.dumps(described)) == described
    assert described["cores"] >= described["cores_usable"] >= 1
    assert described["memory_bytes"] > 100_000_000
    assert described["disk"]["filesystem"]
    assert described["packages"]["hinterland"]


def test_groups_of_processes_that_live_are_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = tmp_path / f"hinterland-{os.getpid()}-aaa"
    stale = tmp_path / "hinterland-999999999-bbb"
    for folder in (live, stale):
        folder.mkdir()
    monkeypatch.setattr(memory, "parent_group", lambda: tmp_path)
    memory.sweep_stale()
    assert live.exists()
    assert not stale.exists()
