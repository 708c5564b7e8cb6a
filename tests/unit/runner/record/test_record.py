from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from runner_samples import experiment, result

from hinterland import store
from hinterland.errors import SetupError, UsageError
from hinterland.model.history import Event, History, LoadSample, Operation
from hinterland.model.packets import PacketLog
from hinterland.model.run import RunFinished, RunInfo, RunStarted, TrialFinished
from hinterland.runner.record import folder as record
from hinterland.runner.record import histories
from hinterland.runner.record.folder import RunFolder


def new_run(store: Path, *, pid: int = 0, status: str = "running") -> RunFolder:
    folder = RunFolder.create(store, "apis/sample")
    info = RunInfo(
        id=folder.id,
        experiment=experiment("claim"),
        seed=1,
        budget_s=10,
        started_at=1.0,
        machine={},
        treatments=({"variant": "right"},),
        status=status,  # type: ignore[arg-type]
        pid=pid,
    )
    folder.write("run.json", info)
    return folder


def packet_log() -> PacketLog:
    """Returns three packets: one each way, and one that was lost."""
    return PacketLog(
        hosts=("client", "server"),
        source=np.array([0, 1, 0], np.int16),
        destination=np.array([1, 0, 1], np.int16),
        sent_ns=np.array([10, 20, 30], np.int64),
        done_ns=np.array([15, 25, -1], np.int64),
        size_bytes=np.array([60, 1500, 52], np.int32),
        fate=np.array([0, 0, 1], np.int8),
        duplicate=np.array([False, True, False]),
        head=np.arange(3 * 200).reshape(3, 200).astype(np.uint8),
        left_out=7,
    )


def test_events_come_back_as_they_were_appended(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    events = (
        RunStarted(0.0, folder.id, "apis/sample", 1, 10.0),
        TrialFinished(1.0, result(1, {"variant": "right", "clients": 3, "share": 0.5, "tls": True})),
        RunFinished(2.0, "finished"),
    )
    for event in events:
        folder.append(event)
    assert tuple(RunFolder(folder.path).events()) == events


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    folder.append(RunStarted(0.0, folder.id, "apis/sample", 1, 10.0))
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(b'{"type":"run_fin')
    assert len(list(folder.events())) == 1
    assert folder.record().trials == ()


def test_a_run_whose_process_is_gone_reads_as_interrupted(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    kept = new_run(tmp_path, pid=pid).record()
    assert kept.info.status == "interrupted"
    assert "killed" in kept.info.cause
    assert new_run(tmp_path, pid=os.getpid()).record().info.status == "running"


def test_a_run_is_found_by_part_of_its_name_and_as_last(tmp_path: Path) -> None:
    first = new_run(tmp_path, status="finished")
    assert record.find(tmp_path, "last").path == first.path
    assert record.find(tmp_path, first.id[-4:]).path == first.path
    assert record.find(tmp_path, "apis/sample").path == first.path
    assert record.find(Path("/nowhere"), str(first.path)).path == first.path
    new_run(tmp_path)
    with pytest.raises(UsageError, match="fits 2 runs"):
        record.find(tmp_path, "sample")
    with pytest.raises(UsageError, match="is not a run in"):
        record.find(tmp_path, "nothing")


def test_last_in_an_empty_store_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no run"):
        record.find(tmp_path, "last")


def test_a_folder_without_a_readable_run_is_passed_over(tmp_path: Path) -> None:
    new_run(tmp_path)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{")
    assert len(record.list_runs(tmp_path)) == 1


def test_a_store_that_is_a_file_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(SetupError, match="can't be written"):
        RunFolder.create(tmp_path / "store", "apis/sample")


def test_a_full_disk_is_a_setup_error_and_what_was_written_stays_readable(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    (folder.path / "events.jsonl").symlink_to("/dev/full")
    with pytest.raises(SetupError, match="is full"):
        folder.append(RunFinished(2.0, "finished"))
    assert folder.info().id == folder.id


def test_a_history_comes_back_from_its_files(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    count = np.arange(5)
    sample = LoadSample(
        intended_ns=count * 10,
        sent_ns=count * 10 + 1,
        done_ns=np.where(count == 3, -1, count * 10 + 5),
        status=np.full(5, 200, np.int16),
        error=(count == 3).astype(np.int8),
        connection=count.astype(np.int32),
        start_ns=0,
        end_ns=50,
        loop="open",
        errors=("", "timeout"),
        detail={"pacing": "spin"},
    )
    history = History(
        treatment={"variant": "right", "clients": 10},
        seed=5,
        operations=(
            Operation("submit", "k", 1, 1, 2, 3, "ok", {"amount": 5}, [1, None]),
            Operation("submit", "k", 2, 1, 2, -1, "unknown", None, None, "timeout"),
        ),
        loads={"active": sample},
        events=(Event(1, "fault", "kill", "server", "start", {"pid": 3}),),
        readings={"charges": {"k": 1}},
        packets={"link": packet_log()},
    )
    assert not (folder.path / "histories" / "b001-t01.json").exists()
    histories.save(folder.path, "b001-t01", history)
    again = histories.load(folder.path, "b001-t01")
    assert again.operations == history.operations
    assert (again.events, again.readings, again.treatment) == (
        history.events,
        history.readings,
        history.treatment,
    )
    loaded = again.loads["active"]
    for name in ("intended_ns", "sent_ns", "done_ns", "status", "error", "connection"):
        assert np.array_equal(getattr(loaded, name), getattr(sample, name))
    assert (loaded.errors, loaded.detail, loaded.loop) == (sample.errors, sample.detail, sample.loop)
    log, kept = again.packets["link"], history.packets["link"]
    assert (log.hosts, log.left_out) == (kept.hosts, kept.left_out)
    for name in ("source", "destination", "sent_ns", "done_ns", "size_bytes", "fate", "duplicate", "head"):
        assert np.array_equal(getattr(log, name), getattr(kept, name))


def test_a_damaged_line_before_the_last_is_named(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    folder.append(RunStarted(0.0, folder.id, "apis/sample", 1, 10.0))
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(b"{\xff\n")
    with pytest.raises(UsageError, match=r"is damaged: events\.jsonl, line 2"):
        folder.record()


def test_a_finished_run_without_the_end_of_its_events_is_damaged(tmp_path: Path) -> None:
    folder = new_run(tmp_path, status="finished")
    with pytest.raises(UsageError, match=r"the end of events\.jsonl is missing"):
        folder.record()


@pytest.mark.parametrize(
    "name",
    ["operations/t.parquet", "operations/t.active.parquet", "packets/t.link.parquet", "histories/t.json"],
)
@pytest.mark.parametrize("content", [None, b"", b"junk", b"{}"])
def test_a_damaged_history_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = new_run(tmp_path)
    zeros = np.zeros(1, np.int64)
    sample = LoadSample(zeros, zeros, zeros, zeros.astype(np.int16), zeros.astype(np.int8),
        zeros.astype(np.int32), 0, 1, "open")  # fmt: skip
    history = History(
        treatment={},
        seed=1,
        operations=(Operation("get", "k", 0, 0, 0, 1, "ok"),),
        loads={"active": sample},
        packets={"link": packet_log()},
    )
    histories.save(folder.path, "t", history)
    if content is None:
        (folder.path / name).unlink()
    else:
        (folder.path / name).write_bytes(content)
    with pytest.raises(UsageError, match="is damaged: the history of t can't be read"):
        histories.load(folder.path, "t")


def test_without_a_home_folder_a_store_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "HINTERLAND_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    with pytest.raises(SetupError, match="no home folder") as raised:
        store.default_store()
    assert "--store DIR" in raised.value.next_step


def test_an_event_that_finds_no_room_leaves_no_part_of_its_line(tmp_path: Path) -> None:
    folder = new_run(tmp_path)
    folder.append(RunStarted(0.0, folder.id, "apis/sample", 1, 10.0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((folder.path / "events.jsonl").stat().st_size + 9, limits[1]))
    try:
        with pytest.raises(SetupError, match="can't be written"):
            folder.append(RunFinished(1.0, "failed"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    folder.append(RunFinished(2.0, "finished"))
    assert [type(event) for event in folder.events()] == [RunStarted, RunFinished]
