"""A load's folder in the store: written whole, found again by name, without secrets."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from load_results import capacity, plan, result
from msgspec.structs import replace

from hinterland.errors import SetupError, UsageError
from hinterland.load.plan.notation import parse_check, parse_objective
from hinterland.load.plan.plan import LoadPlan, RequestPlan, Target, Weighted
from hinterland.load.record import folder as records
from hinterland.load.record import heads
from hinterland.load.result.record import LoadRecord
from hinterland.store import find_folder

RESULT = result(seconds=3)


def kept(store: Path, **options: object) -> LoadRecord:
    folder = records.create(store, plan())
    given = {"result": RESULT, **options}
    return records.keep(folder, started_at=1000.0, **given)  # type: ignore[arg-type]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    made = kept(tmp_path, command="hinterland load http://x/")
    found = records.read(Path(made.folder))
    assert found.result is not None
    assert found.result.response.bins.dtype == np.int32
    assert np.array_equal(found.result.response.counts, RESULT.response.counts)
    assert found.result.seconds[2].due == RESULT.seconds[2].due
    assert (found.status, found.command, found.says) == ("finished", made.command, made.says)
    assert "open, 2,000/s, p99" in found.says


def test_objectives_are_judged_and_an_early_end_is_marked(tmp_path: Path) -> None:
    asked = plan(objectives=(parse_objective("p50 < 1s"), parse_objective("p50 < 1us")))
    made = kept(tmp_path, result=replace(RESULT, plan=asked))
    assert [one.verdict for one in made.asserted] == ["passed", "failed"]
    assert kept(tmp_path, result=replace(RESULT, partial="interrupted")).status == "interrupted"


def test_a_load_is_compared_with_an_earlier_one(tmp_path: Path) -> None:
    earlier = kept(tmp_path)
    made = kept(tmp_path, against=earlier)
    assert made.comparison is not None
    assert made.comparison.other == earlier.id
    assert made.comparison.unlike == ()
    again = records.read(Path(made.folder))
    assert again.beside is not None
    assert np.array_equal(again.beside.bins, RESULT.response.bins)


def test_a_search_for_capacity_is_kept(tmp_path: Path) -> None:
    made = kept(tmp_path, result=None, capacity=capacity())
    again = records.read(Path(made.folder))
    assert again.capacity is not None
    assert again.capacity.points == capacity().points
    assert again.says == "capacity 908/s"


def test_secrets_are_not_kept(tmp_path: Path) -> None:
    target = Target(
        url="postgresql://ann:***@h/", protocol="postgresql", host="h", port=1, user="ann", password="s3cret"
    )
    headers = (
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "s3cret"),
        ("X-Api-Key", "s3cret"),
        ("Accept", "*/*"),
    )
    asked: LoadPlan = plan(target=target, mix=(Weighted(requests=(RequestPlan(headers=headers),)),))
    made = kept(tmp_path, result=replace(RESULT, plan=asked))
    written = (Path(made.folder) / "load.json").read_text()
    assert "s3cret" not in written
    assert "*/*" in written
    assert records.NOT_KEPT in written


def test_secrets_in_paths_bodies_and_checks_are_not_kept_and_nothing_is_driven_without_them(
    tmp_path: Path,
) -> None:
    requests = (
        RequestPlan(path="/a?api_key=s3cret"),
        RequestPlan(method="POST", path="/b", body='{"password": "s3cret", "user": "ann"}'),
        RequestPlan(name="get ?token=s3cret", checks=(parse_check("header x-token = s3cret"),)),
    )
    for one in requests:
        asked: LoadPlan = plan(mix=(Weighted(requests=(one,)),))
        made = kept(tmp_path, result=replace(RESULT, plan=asked))
        assert "s3cret" not in (Path(made.folder) / "load.json").read_text()
        assert made.result is not None
        assert records.lacks_secrets(made.result.plan)
    filled_in = RequestPlan(path="/a?key={key}", headers=(("Authorization", "Bearer {token}"),))
    whole: LoadPlan = plan(mix=(Weighted(requests=(filled_in,)),))
    assert records.without_secrets(whole).mix == whole.mix
    assert not records.lacks_secrets(whole)


def test_loads_are_listed_newest_first_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path)
    path = Path(second.folder) / "load.json"
    path.write_bytes(path.read_bytes().replace(b'"started_at":1000.0', b'"started_at":2000.0'))
    broken = records.create(tmp_path, plan())
    (broken / "load.json").write_text("{")
    assert [head.id for head in heads.list_loads(tmp_path)] == [second.id, first.id]
    assert records.load(tmp_path, "last").id == second.id
    assert records.load(tmp_path, first.id[-4:]).id == first.id
    assert find_folder(tmp_path, "last") == Path(second.folder)
    with pytest.raises(UsageError, match=r"load\.json can't be read"):
        records.read(broken)


def test_a_name_that_is_none_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no load in"):
        records.load(tmp_path, "last")
    with pytest.raises(UsageError, match="nope is not a load"):
        records.load(tmp_path, "nope")


def test_what_came_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    folder = records.create(tmp_path, plan())
    (folder / records.OPERATIONS).mkdir()
    (folder / records.OPERATIONS / "0.parquet").write_bytes(b"PAR1")
    records.discard(folder)
    assert list(tmp_path.iterdir()) == []
    whole = Path(kept(tmp_path).folder)
    records.discard(whole)
    assert whole.exists()


def test_a_store_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="can't be written"):
        records.create(tmp_path / "file", plan())


def test_operations_of_all_processes_are_joined(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    parts = tmp_path / "parts"
    parts.mkdir()
    for number in range(11):
        parquet.write_table(pa.table({"intended_ns": [number, number]}), parts / f"{number}.parquet")
    records.join_operations(parts, tmp_path / "all.parquet")
    assert parquet.read_table(tmp_path / "all.parquet")["intended_ns"].to_pylist() == sorted([*range(11)] * 2)
    assert not parts.exists()


def test_the_head_is_a_part_of_the_record() -> None:
    fields = {field.name for field in msgspec.structs.fields(LoadRecord)}
    assert {field.name for field in msgspec.structs.fields(heads.LoadHead)} <= fields


def test_what_a_killed_load_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    killed, running, young = (records.create(tmp_path, plan()) for _ in range(3))
    for folder in (killed, running):
        (folder / records.OPERATIONS).mkdir()
        (folder / records.OPERATIONS / "0.parquet").write_bytes(b"half")
        os.utime(folder, (1000, 1000))
    whole = Path(kept(tmp_path).folder)
    os.utime(whole, (1000, 1000))
    experiment = tmp_path / "20300102T030405-apis-idempotency-ab12"
    experiment.mkdir()
    os.utime(experiment, (1000, 1000))
    with records.held(running):
        records.sweep(tmp_path)
        assert set(tmp_path.iterdir()) == {running, young, whole, experiment}
    records.sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {young, whole, experiment}
