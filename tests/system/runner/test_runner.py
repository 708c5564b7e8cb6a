"""Runs of small experiments: what ends in a verdict, what ends inconclusive, and with which cause."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import lab
import msgspec
import pytest

from hinterland.errors import SetupError, UsageError
from hinterland.model.experiment import Factor
from hinterland.model.run import BlockStarted, RunEvent, RunFinished, RunRecord
from hinterland.rig.processes.supervision import is_running
from hinterland.runner import run
from hinterland.runner.recheck import recheck
from hinterland.runner.record import folder as record
from hinterland.runner.record import histories
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.run import RunOptions, run_experiment

pytestmark = pytest.mark.system

NEVER_HEARD = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))
    now = time.monotonic_ns()
    for n in range(5):
        t._operation(Operation("get", str(n), 0, now, now, -1, "unknown", error="timeout"))
"""
UNFIRED = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))
    t.record(Event(t_ns=time.monotonic_ns(), kind="fault", name="pause", target="server", stage="start"))
"""
UNFIRED_AT_FIRST = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))
    seen = t.cache / f"{t['variant']}.seen"
    if not seen.exists():
        seen.touch()
        t.record(Event(t_ns=time.monotonic_ns(), kind="fault", name="pause", target="server", stage="start"))
"""
LATE = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))
    due = np.arange(100, dtype=np.int64) * 1_000_000
    zeros = np.zeros(100, np.int64)
    t.loaded("active", LoadSample(due, due + 60_000_000, due + 61_000_000, zeros.astype(np.int16),
        zeros.astype(np.int8), zeros.astype(np.int32), 0, 10**8, "open"))
"""
CHECKER = """
async def trial(t: Trial) -> None:
    t.reading("odd", 1)
"""
ODD_METRIC = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))

def outcome(h: History) -> Outcome:
    return Outcome(metrics={"rate_per_s": "fast"})
"""
NO_OUTCOME = """
async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))

def outcome(h: History) -> Outcome:
    return {"rate_per_s": 1.0}
"""
NO_JSON = """
async def trial(t: Trial) -> None:
    t.reading("rate", object())
"""
LEAVES = """
async def trial(t: Trial) -> None:
    sys.exit(4)
"""
DIES_AT_START = """
async def trial(t: Trial) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no such table: charges')"]
    await t.rig.start(words, name="payments", port=t.rig.free_port())
"""
PROCESS_DIES = """
async def trial(t: Trial) -> None:
    print("about to fall", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)
"""
HANGS = """
async def trial(t: Trial) -> None:
    await asyncio.Event().wait()
"""
LEAVES_DAEMON = """
async def trial(t: Trial) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            (t.cache / "daemon").write_text(str(os.getpid()))
            signal.pause()
        os._exit(0)
    while not (t.cache / "daemon").exists() or not (t.cache / "daemon").read_text():
        await asyncio.sleep(0.001)
    t.reading("rate", measured(t))
    t.reading("daemon", int((t.cache / "daemon").read_text()))
"""
SLOW = """
async def trial(t: Trial) -> None:
    t.reading("rate", 100.0)
    child = await t.rig.start([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
        name="sleeper")
    await asyncio.sleep(600)
"""


LINKED = """
import socket

async def trial(t: Trial) -> None:
    t.reading("rate", measured(t))
    link = await t.rig.link(rtt_ms=2, packets=True)
    with link.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        with link.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
            ear.bind((link.server.address, 7000))
            mouth.sendto(b"hello", (link.server.address, 7000))
            ear.setblocking(False)
            t.reading("heard", (await asyncio.get_running_loop().sock_recv(ear, 100)).decode())
"""


def one_run(tmp_path: Path, code: str = lab.PLAIN, **options: object) -> RunRecord:
    experiment = lab.write(tmp_path / "lab", code)
    return run_experiment(experiment, RunOptions(store=tmp_path / "store", **options))  # type: ignore[arg-type]


def test_a_true_difference_holds_and_stops_early(tmp_path: Path) -> None:
    found = one_run(tmp_path)
    assert found.info.status == "finished"
    assert [v.verdict for v in found.verdicts] == ["holds"]
    assert found.verdicts[0].control.verdict == "refuted"
    assert len(found.trials) < 4 * 20
    assert all(trial.status == "done" for trial in found.trials)
    assert not (Path(found.folder) / "keeper.log").exists()


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (NEVER_HEARD, "at least one operation succeeded (0 of 5)"),
        (UNFIRED, "every planned pause took effect (0 of 1)"),
        (CHECKER, "the checker raised KeyError: 'rate'"),
        (ODD_METRIC, "the checker raised ValueError: could not convert string to float"),
        (NO_OUTCOME, "outcome(h) must return an Outcome, not dict"),
        (NO_JSON, "its history could not be saved: Encoding objects of type object is unsupported"),
        (LEAVES, "the trial raised SystemExit: 4"),
        (DIES_AT_START, "payments"),
        (PROCESS_DIES, "its process ended with status -11: about to fall"),
    ],
)
def test_a_trial_without_evidence_is_inconclusive_with_its_cause(
    tmp_path: Path, code: str, cause: str
) -> None:
    found = one_run(tmp_path, code, blocks=2)
    verdict = found.verdicts[0]
    assert verdict.verdict == "inconclusive"
    assert "trials gave no evidence" in verdict.cause
    assert cause in verdict.cause
    assert {trial.status for trial in found.trials} <= {"failed", "void"}


def test_a_late_generator_disturbs_a_trial_and_does_not_void_it(tmp_path: Path) -> None:
    found = one_run(tmp_path, LATE, blocks=1)
    assert {trial.status for trial in found.trials} == {"done"}
    for trial in found.trials:
        assert "p99 lateness under 10 ms (p99 lateness 60 ms)" in trial.disturbed
        assert trial.weather is not None
        assert trial.weather.wall_s > 0
    assert len(found.trials) == len(found.info.treatments), "what noise disturbed is not run again"
    assert recheck(RunFolder(Path(found.folder))).trials == found.trials


def test_a_void_trial_is_run_once_more_in_its_place(tmp_path: Path) -> None:
    found = one_run(tmp_path, UNFIRED_AT_FIRST, blocks=2)
    first = [trial for trial in found.trials if trial.block == 1]
    variants = {str(trial.treatment["variant"]) for trial in first}
    shaken = [place for place, trial in enumerate(first) if trial.status == "void"]
    assert len(shaken) == len(variants), "each variant was shaken once"
    for place in shaken:
        again = first[place + 1]
        assert again.id == f"{first[place].id}r"
        assert (again.treatment, again.seed) == (first[place].treatment, first[place].seed)
        assert again.status == "done"
    assert all(trial.status == "done" for trial in found.trials if trial.block == 2)
    assert len({trial.id for trial in found.trials}) == len(found.trials)
    assert recheck(RunFolder(Path(found.folder))).verdicts == found.verdicts


def test_what_is_void_again_or_out_of_budget_is_left_at_that(tmp_path: Path) -> None:
    found = one_run(tmp_path, UNFIRED, blocks=1)
    planned = sum(len(event.trials) for event in found.events if isinstance(event, BlockStarted))
    assert len(found.trials) == 2 * planned, "once more, and no further"
    assert {trial.status for trial in found.trials} == {"void"}


def test_a_server_that_dies_at_start_shows_its_last_log_lines(tmp_path: Path) -> None:
    found = one_run(tmp_path, DIES_AT_START, blocks=1)
    assert "no such table: charges" in "\n".join(found.trials[0].log)


def test_a_trial_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "HANG_S", 0.5)
    found = one_run(tmp_path, HANGS, blocks=1)
    assert "it was still running after" in found.trials[0].cause


def test_a_daemon_that_a_trial_leaves_behind_is_ended(tmp_path: Path) -> None:
    found = one_run(tmp_path, LEAVES_DAEMON, blocks=1)
    assert found.trials[0].status == "done"
    history = run_histories(found)
    assert not is_running(history)


def run_histories(found: RunRecord) -> int:
    from hinterland.runner.record import histories

    return int(histories.load(Path(found.folder), found.trials[-1].id).readings["daemon"])


def test_what_a_link_carried_is_kept_and_captured(tmp_path: Path, require: Callable[[str], None]) -> None:
    require("capability:link")
    found = one_run(tmp_path, LINKED, blocks=1, pcap=True)
    folder = Path(found.folder)
    for trial in found.trials:
        # A link that lost a packet on a busy machine voids a trial; it does not fail it.
        assert trial.status in ("done", "void"), trial.cause
        history = histories.load(folder, trial.id)
        assert history.readings["heard"] == "hello"
        assert len(history.packets["link"]) == 1
        links = [event.name for event in history.events if event.kind == "link"]
        assert links == ["opened", "audit", "closed"]
        assert (folder / "packets" / trial.id / "link.pcap").stat().st_size > 24 + 16


def test_a_capture_that_can_not_be_written_costs_no_evidence(
    tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("capability:link")
    code = LINKED + "    t.rig.pcap_folder.parent.rmdir() if t.rig.pcap_folder.parent.exists() else None\n"
    code += "    t.rig.pcap_folder.parent.write_text('a file in its way')\n"
    found = one_run(tmp_path, code.replace(", packets=True", ""), blocks=1, pcap=True)
    history = histories.load(Path(found.folder), found.trials[0].id)
    links = [(event.name, "failed" in event.detail) for event in history.events if event.kind == "link"]
    assert links == [("opened", False), ("audit", False), ("capture", True), ("closed", False)]


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    code = (
        lab.PLAIN + "def outcome(h): return Outcome(metrics={'rate_per_s': np.float32(h.readings['rate'])})"
    )
    assert one_run(tmp_path, code).verdicts[0].verdict == "holds"


def test_the_keeper_has_one_thread_since_it_forks(tmp_path: Path) -> None:
    code = """
async def trial(t: Trial) -> None:
    t.reading("rate", float(len(os.listdir(f"/proc/{os.getppid()}/task"))))
"""
    found = one_run(tmp_path, code, blocks=1)
    assert {trial.outcome.metrics["rate_per_s"] for trial in found.trials} == {1.0}


def test_like_repeats_the_same_trials_in_the_same_order(tmp_path: Path) -> None:
    first = one_run(tmp_path)
    again = one_run(tmp_path, like=first.info.id)
    plans = [[e.trials for e in r.events if isinstance(e, BlockStarted)] for r in (first, again)]
    assert plans[0] == plans[1]
    assert [t.outcome.metrics for t in first.trials] == [t.outcome.metrics for t in again.trials]
    assert again.info.like == first.info.id


def test_recheck_comes_to_the_same_verdicts_from_the_files(tmp_path: Path) -> None:
    first = one_run(tmp_path)
    again = recheck(RunFolder(Path(first.folder)))
    assert again.verdicts == first.verdicts
    assert again.trials == first.trials


def test_recheck_judges_by_the_thresholds_in_the_record(tmp_path: Path) -> None:
    first = one_run(tmp_path)
    assert first.verdicts[0].verdict == "holds"
    assert first.info.format == 2
    run_json = Path(first.folder) / "run.json"
    kept = msgspec.json.decode(run_json.read_bytes())
    kept["experiment"]["claim"][0]["form"]["ratio_at_least"]["ratio"] = 50.0
    run_json.write_bytes(msgspec.json.encode(kept))
    assert recheck(RunFolder(Path(first.folder))).verdicts[0].verdict == "refuted"


def test_a_record_without_its_claims_is_judged_by_todays_where_they_are_given(tmp_path: Path) -> None:
    first = one_run(tmp_path)
    run_json = Path(first.folder) / "run.json"
    kept = msgspec.json.decode(run_json.read_bytes())
    kept["format"] = 1
    for claim in kept["experiment"]["claim"]:
        for key in ("form", "where", "instead"):
            del claim[key]
    run_json.write_bytes(msgspec.json.encode(kept))
    folder = RunFolder(Path(first.folder))
    assert folder.record().info.format == 1
    with pytest.raises(UsageError, match="before records held how claims are judged"):
        recheck(folder)
    assert recheck(folder, lab.write(tmp_path / "lab")).verdicts == first.verdicts


def test_recheck_refuses_a_record_whose_history_is_gone(tmp_path: Path) -> None:
    first = one_run(tmp_path, blocks=1)
    next((Path(first.folder) / "histories").iterdir()).unlink()
    with pytest.raises(UsageError, match="is damaged: the history of b001-"):
        recheck(RunFolder(Path(first.folder)))


def test_like_of_another_experiments_run_is_the_persons_mistake(tmp_path: Path) -> None:
    first = one_run(tmp_path, blocks=1)
    other = lab.write(tmp_path / "other", id="apis/other")
    with pytest.raises(UsageError, match="is a run of apis/lab, not of apis/other"):
        run_experiment(other, RunOptions(store=tmp_path / "store", like=first.info.id))


def test_recheck_notices_a_changed_history(tmp_path: Path) -> None:
    first = one_run(tmp_path)
    for path in (Path(first.folder) / "histories").iterdir():
        path.write_text(path.read_text().replace('"fast"', '"slow"'))
        text = path.read_text()
        start = text.index('"rate":') + len('"rate":')
        path.write_text(text[:start] + "100.0" + text[text.index("}", start) :])
    assert recheck(RunFolder(Path(first.folder))).verdicts[0].verdict != "holds"


def test_blocks_and_settings_are_obeyed(tmp_path: Path) -> None:
    found = one_run(tmp_path, blocks=3, set={"load": ("high",)})
    assert len(found.trials) == 3 * 2
    assert found.verdicts[0].verdict == "inconclusive"
    assert "no trial of" in found.verdicts[0].cause


def test_a_run_stops_when_no_claim_left_can_be_decided(tmp_path: Path) -> None:
    found = one_run(tmp_path, set={"load": ("high",)})
    assert len(found.trials) == 2, "one block for the charts"
    assert found.info.status == "finished"


def test_a_budget_too_short_for_one_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must allow one block"):
        one_run(tmp_path, budget_s=0.01)
    assert not (tmp_path / "store").exists()


def test_a_level_whose_need_is_missing_is_left_out_or_refused(tmp_path: Path) -> None:
    missing = {"slow": ("program:hinterland-no-such-program",)}
    factor = {
        "variant": Factor(levels=("fast", "slow"), says="the system", needs=missing),
        "load": Factor(levels=("high", "low"), says="how much"),
    }
    experiment = lab.write(tmp_path / "lab", factor=factor)
    found = run_experiment(experiment, RunOptions(store=tmp_path / "store", blocks=1))
    assert {trial.treatment["variant"] for trial in found.trials} == {"fast"}
    assert found.info.left_out[0].level == "slow"
    with pytest.raises(SetupError, match="which is missing here"):
        run_experiment(experiment, RunOptions(store=tmp_path / "store", set={"variant": ("slow",)}))


def test_a_store_that_fills_up_mid_run_ends_it_and_stays_readable(tmp_path: Path) -> None:
    experiment = lab.write(tmp_path / "lab")
    store = tmp_path / "store"

    def fill(event: object) -> None:
        if type(event).__name__ == "TrialStarted":
            folder = next(store.iterdir())
            (folder / "operations").rmdir()
            (folder / "histories").rename(folder / "away")
            (folder / "histories").symlink_to("/dev/full")

    with pytest.raises(SetupError):
        run_experiment(experiment, RunOptions(store=store), fill)
    kept = record.load(store, "last")
    assert kept.info.status == "failed"
    assert kept.verdicts[0].verdict == "inconclusive"


def test_ctrl_c_leaves_a_readable_record_and_no_process(tmp_path: Path) -> None:
    experiment = lab.write(tmp_path / "lab", SLOW)
    process = lab.start(experiment, tmp_path, tmp_path / "store")
    lab.read_until(process, "TrialNoted")
    below = pids_below(process.pid)
    assert len(below) >= 2
    process.send_signal(signal.SIGINT)
    lab.read_until(process, "status interrupted")
    assert process.wait(60) == 0
    assert not [pid for pid in below if is_running(pid)]
    kept = record.load(tmp_path / "store", "last")
    assert kept.info.status == "interrupted"
    assert [(v.verdict, v.cause) for v in kept.verdicts] == [("inconclusive", "interrupted")]


def test_ctrl_c_while_the_last_files_are_written_leaves_a_whole_record(tmp_path: Path) -> None:
    def interrupt(event: RunEvent) -> None:
        if isinstance(event, RunFinished):
            os.kill(os.getpid(), signal.SIGINT)

    options = RunOptions(blocks=1, store=tmp_path / "store")
    found = run_experiment(lab.write(tmp_path / "lab"), options, interrupt)
    assert found.info.status == "finished"
    assert record.load(tmp_path / "store", "last").info.status == "finished"


def test_a_second_ctrl_c_ends_at_once_and_still_leaves_no_process(tmp_path: Path) -> None:
    experiment = lab.write(tmp_path / "lab", SLOW)
    process = lab.start(experiment, tmp_path, tmp_path / "store")
    lab.read_until(process, "TrialNoted")
    below = pids_below(process.pid)
    # With its keeper held still the run can't end by itself between the two signals.
    os.kill(below[0], signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    os.kill(below[0], signal.SIGCONT)
    wait_until_gone(below)
    assert record.load(tmp_path / "store", "last").info.status == "interrupted"


def test_sigkill_of_the_run_or_the_keeper_leaves_no_process(tmp_path: Path) -> None:
    for victim in ("run", "keeper"):
        experiment = lab.write(tmp_path / "lab", SLOW)
        process = lab.start(experiment, tmp_path, tmp_path / f"store-{victim}")
        lab.read_until(process, "TrialNoted")
        below = pids_below(process.pid)
        os.kill(process.pid if victim == "run" else below[0], signal.SIGKILL)
        process.wait(60)
        wait_until_gone(below)
        kept = record.load(tmp_path / f"store-{victim}", "last")
        assert kept.info.status in ("interrupted", "failed")


def pids_below(pid: int) -> list[int]:
    """Returns all descendants, nearest first."""
    from hinterland.rig.processes.supervision import children_of

    found: list[int] = []
    nearest = children_of(pid)
    while nearest:
        found += nearest
        nearest = [child for parent in nearest for child in children_of(parent)]
    return found


def wait_until_gone(pids: list[int]) -> None:
    """Waits for each process's end by its pidfd; fails after 60 s."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([descriptor], [], [], 60)[0], f"{pid} is still running"
        os.close(descriptor)
