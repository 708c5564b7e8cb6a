"""The index of manifests: right whenever one changes, and no worse than none where it is broken."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland import catalogue
from hinterland.catalogue import index, manifest
from hinterland.catalogue.places import ATLAS, MANIFEST, VARIABLE


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder and a place for experiments of this test alone; files count as settled at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    monkeypatch.setattr(index, "SETTLED_NS", -(10**15))
    copied = tmp_path / "mine" / "apis" / "copied"
    shutil.copytree(ATLAS / "apis" / "idempotency", copied)
    catalogue.forget()
    yield copied
    catalogue.forget()


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders whose manifests are read from now on."""
    names: list[str] = []
    examine = manifest.examine

    def noted(folder: Path) -> object:
        names.append(folder.name)
        return examine(folder)

    monkeypatch.setattr(manifest, "examine", noted)
    return names


def survey() -> tuple[object, ...]:
    catalogue.forget()
    return catalogue.experiments()


def test_what_comes_from_the_index_is_what_the_manifests_say(read_files: list[str]) -> None:
    first = survey()
    assert len(read_files) == len(first) > 20
    read_files.clear()
    second = survey()
    assert read_files == []
    assert second == first
    assert repr(second) == repr(first), "1 and 1.0 and true are equal, and not the same"


def test_only_a_manifest_that_changed_is_read_again(own_cache: Path, read_files: list[str]) -> None:
    survey()
    file = own_cache / MANIFEST
    before = file.stat()
    text = file.read_text()
    file.write_text(text.replace('title = "The second click"', 'title = "The secono click"'))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    read_files.clear()
    survey()
    assert read_files == ["copied"], "the same size and time of change do not hide it"
    assert catalogue.find("apis/copied").title == "The secono click"
    (own_cache / MANIFEST).unlink()
    survey()
    assert "apis/copied" not in {one.id for one in catalogue.experiments()}


def test_a_broken_manifest_and_a_missing_neighbour_are_said_each_time(own_cache: Path) -> None:
    survey()
    lesson = (own_cache / "lesson.md").rename(own_cache / "away.md")
    for _ in range(2):
        survey()
        assert ["lesson.md" in str(error) for error in catalogue.broken()] == [True]
    lesson.rename(own_cache / "lesson.md")
    with open(own_cache / MANIFEST, "a") as file:
        file.write("nonsense = 1\n")
    for _ in range(2):
        survey()
        assert any("nonsense" in str(error) for error in catalogue.broken())


def test_a_file_that_has_just_changed_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path, read_files: list[str]
) -> None:
    monkeypatch.setattr(index, "SETTLED_NS", 3600 * 10**9)
    os.utime(own_cache / MANIFEST)
    survey()
    assert str(own_cache / MANIFEST) not in index.load()


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "text", "folder"])
def test_a_harmed_index_is_no_index(harm: str, read_files: list[str]) -> None:
    first = survey()
    path = index.place()
    data = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif harm == "flip":
        path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "text":
        path.write_text("not an index")
    else:
        path.unlink()
        path.mkdir()
    read_files.clear()
    assert survey() == first
    assert len(read_files) == len(first)


def test_other_code_does_not_believe_it(monkeypatch: pytest.MonkeyPatch) -> None:
    survey()
    assert index.load()
    monkeypatch.setattr(index, "CODE", (*index.CODE, "errors.py"))
    assert not index.load()


def test_a_home_that_can_t_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert survey()
    assert (tmp_path / "file").read_text() == ""


def survey_again_and_again(count: int) -> None:
    for number in range(count):
        if number % 3 == 0:
            index.save({})
        survey()
        assert len(catalogue.experiments()) > 20


def test_many_at_once_never_read_anything_wrong(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=survey_again_and_again, args=(6,)) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0] * 4
    assert [path.name for path in index.place().parent.iterdir()] == [index.place().name]
