"""Records between machines: what is taken in stays what it was, what is hostile or broken leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile_archives as hostile
import pytest
from finished_runs import keep

from hinterland import catalogue
from hinterland.errors import UsageError
from hinterland.exchange import archive, taking
from hinterland.exchange.archive import MOST_BYTES
from hinterland.runner.record.folder import RunFolder, find, list_runs
from hinterland.runner.record.imported import imported

pytestmark = pytest.mark.system
NAME = "20261120T073000-execution-blocked_loop-k3v9"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return keep(tmp_path / "elsewhere", NAME)


@pytest.fixture
def files(record: Path) -> hostile.Files:
    return hostile.files_of(record)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


def refused(store: Path, path: Path) -> str:
    """Returns why an archive is not taken in, having looked that nothing of it stays."""
    before = sorted(store.rglob("*"))
    beside = sorted(store.parent.iterdir())
    with pytest.raises(UsageError) as caught:
        taking.take(store, path, path.name)
    assert sorted(store.rglob("*")) == before
    assert sorted(store.parent.iterdir()) == beside
    return caught.value.says


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_what_goes_out_comes_in_the_same(record: Path, store: Path, ending: str) -> None:
    (record / "report.html").write_text("<script>")
    path = store.parent / f"sent.{ending}"
    archive.pack(record, path)
    taken = taking.take(store, path, "my run.zip")
    assert (taken.id, taken.left_out) == (NAME, ())
    there, here = RunFolder(record).record(), RunFolder(store / NAME).record()
    assert (here.trials, here.verdicts) == (there.trials, there.verdicts)
    assert here.info.machine == there.info.machine
    note = imported(store / NAME)
    assert note is not None
    assert note.file == "my run.zip"
    assert not (store / NAME / "report.html").exists()
    assert [path.name for path in store.iterdir()] == [NAME]


def test_it_is_listed_but_never_the_last_run(store: Path, record: Path) -> None:
    keep(store, "20260101T000000-protocols-nagle-aaaa", "protocols/nagle", started_at=1.0, ended_at=2.0)
    path = store.parent / "sent.zip"
    archive.pack(record, path)
    taking.take(store, path, path.name)
    assert list_runs(store)[0].id == NAME
    assert find(store, "last").id.endswith("nagle-aaaa")
    assert find(store, "k3v9").id == NAME


def test_a_run_that_is_here_is_not_overwritten(store: Path, record: Path) -> None:
    keep(store, NAME, "protocols/nagle")
    path = store.parent / "sent.zip"
    archive.pack(record, path)
    assert "in this store already" in refused(store, path)
    assert RunFolder(store / NAME).info().experiment.id == "protocols/nagle"


def test_a_record_without_a_folder_around_it_is_taken_in(store: Path, files: hostile.Files) -> None:
    bare = {name.partition("/")[2]: content for name, content in files.items()}
    extra = {"report.html": b"<script>alert(1)</script>", "__MACOSX/._run.json": b"x"}
    taken = taking.take(store, hostile.zipped(store.parent / "bare.zip", bare | extra), "bare.zip")
    assert taken.id == NAME
    assert set(taken.left_out) == set(extra)


def set_in(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "name",
    [
        "../out.json",
        f"{NAME}/../../out.json",
        "/etc/out.json",
        "C:/out.json",
        "..\\out.json",
        f"{NAME}/a\\..\\b",
    ],
)
@pytest.mark.parametrize("make", [hostile.zipped, hostile.tarred])
def test_a_path_out_of_the_folder(
    store: Path, files: hostile.Files, make: Callable[..., Path], name: str
) -> None:
    ending = "zip" if make is hostile.zipped else "tar.gz"
    path = make(store.parent / f"paths.{ending}", files | {name: b"{}"})
    assert "leads out of its folder" in refused(store, path)


def test_links_and_devices(store: Path, files: hostile.Files) -> None:
    in_zip = hostile.symlink_in_zip(f"{NAME}/histories/x.json", "/etc/passwd")
    others = [
        hostile.link(f"{NAME}/histories", "/tmp"),
        hostile.link(f"{NAME}/x", f"{NAME}/run.json", tarfile.LNKTYPE),
        hostile.link(f"{NAME}/x", "", tarfile.FIFOTYPE),
    ]
    paths = [hostile.zipped(store.parent / "a.zip", files, in_zip)]
    paths += [
        hostile.tarred(store.parent / f"{number}.tar.gz", files, other) for number, other in enumerate(others)
    ]
    for path in paths:
        assert "link or a device" in refused(store, path)


def test_a_bomb_is_counted_while_it_unpacks(store: Path, files: hostile.Files) -> None:
    def bomb(archive: zipfile.ZipFile) -> None:
        with archive.open(f"{NAME}/histories/b001-t01.json", "w", force_zip64=True) as out:
            for _ in range((MOST_BYTES >> 20) + 16):
                out.write(bytes(1 << 20))

    path = hostile.zipped(store.parent / "bomb.zip", files, bomb)
    assert path.stat().st_size < 1 << 20
    assert "unpacks to more than" in refused(store, path)
    assert "unpacks to more than" in refused(store, hostile.endless_header(store.parent / "bomb.tar.gz"))


def test_more_files_than_any_record(store: Path, files: hostile.Files) -> None:
    many = {f"{NAME}/junk/{number}": b"" for number in range(archive.MOST_FILES + 1)}
    assert "more than 20000 files" in refused(store, hostile.zipped(store.parent / "many.zip", files | many))


def test_an_archive_that_is_too_large_is_not_opened(store: Path) -> None:
    path = store.parent / "large.zip"
    with path.open("wb") as file:
        file.truncate(archive.LARGEST_ARCHIVE + 1)
    assert "more than 64 MiB" in refused(store, path)


def test_cut_short_at_any_place(store: Path, record: Path) -> None:
    for ending in ("zip", "tar.gz"):
        whole = store.parent / f"whole.{ending}"
        archive.pack(record, whole)
        content = whole.read_bytes()
        for share in (0.0, 0.1, 0.5, 0.9):
            path = store.parent / f"cut.{ending}"
            path.write_bytes(content[: int(share * len(content))])
            assert refused(store, path)


def test_a_flipped_bit(store: Path, record: Path) -> None:
    whole = store.parent / "whole.zip"
    archive.pack(record, whole)
    content = bytearray(whole.read_bytes())
    content[len(content) // 3] ^= 0x10
    path = store.parent / "flipped.zip"
    path.write_bytes(content)
    assert refused(store, path)


def test_the_same_name_twice(store: Path, files: hostile.Files) -> None:
    [name] = [each for each in files if each.endswith("run.json")]
    path = hostile.zipped(store.parent / "twice.zip", files, lambda archive: archive.writestr(name, b"{}"))
    assert "twice" in refused(store, path)
    both = files | {each.replace(NAME, "other", 1): content for each, content in files.items()}
    assert "must hold one record" in refused(store, hostile.zipped(store.parent / "two.zip", both))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_in("format", to=3), "has format 3"),
        (set_in("format", to="new"), "has format 'new'"),
        (set_in("id", to="../../evil"), "is none of a run"),
        (set_in("id", to=".hidden"), "is none of a run"),
        (set_in("id", to="import/../x"), "is none of a run"),
        (set_in("experiment", "id", to="//evil.example/x"), "is none of an atlas"),
        (set_in("experiment", "id", to="javascript:alert(1)"), "is none of an atlas"),
        (set_in("started_at", to=1e308), "no moment before now"),
        (set_in("started_at", to=-5), "no moment before now"),
        (set_in("ended_at", to=1e300), "it took"),
        (set_in("budget_s", to=0), "its budget"),
        (set_in("seed", to=10**400), "a number"),
        (set_in("treatments", to=[]), "0 treatments"),
        (set_in("treatments", 0, to={"calls": 1}), "does not set each of its factors"),
        (set_in("experiment", "chart", 0, "by", to="nothing"), "which it does not declare"),
        (set_in("treatments", to=[{"calls": n} for n in range(3000)]), "3000 treatments"),
        (set_in("experiment", "budget_s", to="long"), "not as a run writes it"),
        (set_in("experiment", "new_field", to=1), "not as a run writes it"),
        (set_in("status", to="won"), "not as a run writes it"),
        (
            set_in("experiment", "ladder", to=[{"where": {}, "caption": "", "link": "../../../etc/x"}]),
            "is none",
        ),
    ],
)
def test_what_no_run_can_be(
    store: Path, files: hostile.Files, change: Callable[[Any], None], says: str
) -> None:
    path = hostile.zipped(store.parent / "run.zip", hostile.changed(files, "run.json", change))
    assert says in refused(store, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_in("id", to="../../../etc/x"), "is none"),
        (set_in("block", to=10**30), "a number"),
        (set_in("treatment", to={}), "does not set each factor"),
        (set_in("outcome", "metrics", to={"x": "many"}), "not as a run writes it"),
        (set_in("status", to="great"), "not as a run writes it"),
    ],
)
def test_trials_that_are_none(
    store: Path, files: hostile.Files, change: Callable[[Any], None], says: str
) -> None:
    path = hostile.zipped(store.parent / "trials.zip", hostile.event_changed(files, change))
    assert says in refused(store, path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("run.json", b"\xff\xfe", "is no JSON"),
        ("run.json", b"[" * 100_000, "nested too deeply"),
        ("run.json", b"{}", "not as a run writes it"),
        ("verdicts.json", b'{"a": 1}', "not as a run writes it"),
        ("events.jsonl", b"", "is cut short"),
        ("events.jsonl", b"not json\n", "is no JSON"),
        ("histories/b001-t01.json", b"{}", "can't be read"),
        ("histories/b001-t01.json", json.dumps({"loads": ["../../../../etc/x"]}).encode(), "names no file"),
    ],
)
def test_files_that_are_not_what_they_are_called(
    store: Path, files: hostile.Files, name: str, content: bytes, says: str
) -> None:
    path = hostile.zipped(store.parent / "broken.zip", files | {f"{NAME}/{name}": content})
    assert says in refused(store, path)


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 1e-300, 0])
def test_absurd_numbers_are_drawn_or_refused(store: Path, files: hostile.Files, value: float) -> None:
    def absurd(result: dict[str, Any]) -> None:
        result["duration_s"] = value
        result["outcome"]["metrics"] = dict.fromkeys(result["outcome"]["metrics"], value)

    path = hostile.zipped(store.parent / "absurd.zip", hostile.event_changed(files, absurd))
    assert taking.take(store, path, path.name).id == NAME
    assert RunFolder(store / NAME).record().trials[0].duration_s == value


def test_no_code_is_loaded_from_where_a_record_says(store: Path, files: hostile.Files) -> None:
    trap = store.parent / "trap"
    trap.mkdir()
    (trap / "experiment.py").write_text(f"open({str(trap / 'sprung')!r}, 'w')\n")
    (trap / "lesson.md").write_text("## Why\nsecret")
    for place, id_ in (("execution/blocked_loop", NAME), ("execution/of_another", "other-run")):

        def evil(info: dict[str, Any], place: str = place, id_: str = id_) -> None:
            info["id"], info["experiment"]["id"] = id_, place
            info["experiment"]["folder"] = str(trap)

        path = hostile.zipped(store.parent / f"{id_}.zip", hostile.changed(files, "run.json", evil))
        taking.take(store, path, path.name)
        folder = RunFolder(store / id_).info().experiment.folder
        assert folder in (
            catalogue.find("execution/blocked_loop").folder,
            str(store / id_ / "not-installed-here"),
        )
        done = cli(store, "recheck", id_)
        assert done.returncode == 64, done.stdout
    assert not (trap / "sprung").exists()


def test_a_run_that_was_going_on_is_one_that_was_interrupted(store: Path, files: hostile.Files) -> None:
    def going_on(info: dict[str, Any]) -> None:
        info["status"], info["pid"], info["ended_at"] = "running", os.getpid(), None

    path = hostile.zipped(store.parent / "on.zip", hostile.changed(files, "run.json", going_on))
    taking.take(store, path, path.name)
    assert RunFolder(store / NAME).record().info.status == "interrupted"


def test_what_would_move_a_terminal_s_cursor_is_taken_out(store: Path, files: hostile.Files) -> None:
    evil = "\x1b]0;pwned\x07 \u202egnp \x9b31m <b>bold</b>"
    path = hostile.zipped(
        store.parent / "escape.zip",
        hostile.changed(files, "run.json", set_in("experiment", "title", to=evil)),
    )
    taking.take(store, path, f"{evil}.zip")
    for words in (("report", NAME), ("runs",)):
        done = cli(store, *words)
        assert done.returncode == 0
        assert not set(done.stdout) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "<b>bold</b>" in cli(store, "report", NAME).stdout


def test_a_folder_that_a_kill_left_behind_is_gone_after_the_next(store: Path, record: Path) -> None:
    left = store / ".import-dead"
    (left / "record").mkdir(parents=True)
    os.utime(left, (1, 1))
    path = store.parent / "sent.zip"
    archive.pack(record, path)
    taking.take(store, path, path.name)
    assert [each.name for each in store.iterdir()] == [NAME]


def cli(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hinterland", *words, "--store", str(store)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_export_and_import_from_the_command_line(store: Path, record: Path, tmp_path: Path) -> None:
    path = tmp_path / "sent.tar.gz"
    done = cli(record.parent, "runs", "export", "k3v9", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    done = cli(store, "runs", "import", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert NAME in done.stdout
    assert "from elsewhere" in cli(store, "runs").stdout
    [listed] = json.loads(cli(store, "runs", "--json").stdout)
    assert (listed["run"], listed["from_elsewhere"]) == (NAME, True)
    for words, says in (
        (("runs", "import", str(path)), "in this store already"),
        (("runs", "import", str(tmp_path / "none.zip")), "can't be read"),
        (("runs", "import", sys.executable), "neither a .zip nor a .tar.gz"),
        (("runs", "export", "k3v9", str(path)), "is there already"),
        (("runs", "export", "k3v9", str(tmp_path / "x.rar")), "must end in .zip"),
        (("runs", "export", "nothing"), "is not a run"),
    ):
        done = cli(store, *words)
        assert (done.returncode, says in done.stderr) == (64, True), done.stderr
