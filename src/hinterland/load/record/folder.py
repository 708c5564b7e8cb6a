"""A load's folder in the store: load.json, the plan and its result with all histograms, and report.html.

Passwords and the values of headers that hold secrets are not kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from hinterland.errors import SetupError, UsageError
from hinterland.load.judging.asserted import asserted
from hinterland.load.plan.notation import shown_check
from hinterland.load.plan.plan import Check, LoadPlan, RequestPlan
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import LoadResult
from hinterland.model.secrecy import MASK, hidden, is_filled_in, is_secret
from hinterland.package import VERSION
from hinterland.statistics.histogram import Histogram
from hinterland.store import LOAD as FILE
from hinterland.store import explained, find_folder, replace_file

OPERATIONS = "operations"
# A folder younger than this may not be marked as in use yet.
YOUNG_S = 10.0
NOT_KEPT = "(not kept)"


def create(store: Path, plan: LoadPlan) -> Path:
    """Makes a folder for a load in the store and returns it. Raises SetupError where it can't be made.

    It is made before the load, so that what can't be kept is not driven.
    """
    host = re.sub(r"[^A-Za-z0-9.]+", "-", plan.target.host).strip("-")
    folder = store / f"{time.strftime('%Y%m%dT%H%M%S')}-load-{host}-{secrets.token_hex(2)}"
    with explained(store):
        folder.mkdir(parents=True)
    return folder


def keep(
    folder: Path,
    *,
    started_at: float,
    result: LoadResult | None = None,
    capacity: CapacityResult | None = None,
    against: LoadRecord | None = None,
    command: str = "",
) -> LoadRecord:
    """Judges what a load came to, writes it into its folder, whole, and returns the record.

    against: an earlier load that it is compared with.
    """
    if result is not None:
        result = replace(result, plan=without_secrets(result.plan))
    if capacity is not None:
        capacity = replace(capacity, plan=without_secrets(capacity.plan))
    plan = (result or capacity).plan  # type: ignore[union-attr]
    cut_short = (
        result.partial if result is not None else capacity is not None and capacity.ended == "interrupted"
    )
    record = LoadRecord(
        id=folder.name,
        version=VERSION,
        started_at=started_at,
        ended_at=time.time(),
        status="interrupted" if cut_short else "finished",
        url=plan.target.url,
        says=in_short(result, capacity),
        result=result,
        capacity=capacity,
        asserted=() if result is None else tuple(asserted(one, result) for one in plan.objectives),
        comparison=compared(result, against, folder.name),
        beside=None if against is None or against.result is None else against.result.response,
        command=command,
        folder=str(folder),
    )
    with explained(folder):
        replace_file(folder / FILE, msgspec.json.encode(record, enc_hook=_as_list))
    return record


def join_operations(parts: Path, file: Path) -> None:
    """Joins the operations of all processes into one Parquet file, piece by piece, and removes the parts.

    They stand in order of their ends within each process. Raises SetupError where the file can't be written.
    """
    import pyarrow.parquet as parquet

    names = sorted(parts.glob("*.parquet"), key=lambda each: int(each.stem))
    try:
        with contextlib.ExitStack() as opened:
            writer = None
            for name in names:
                source = opened.enter_context(parquet.ParquetFile(name))
                if writer is None:
                    schema = source.schema_arrow
                    writer = opened.enter_context(parquet.ParquetWriter(file, schema, compression="zstd"))
                for batch in source.iter_batches():
                    writer.write_batch(batch)
    except OSError as error:
        raise SetupError(
            f"operations={file} can't be written: {error.strerror or error}.",
            f"The operations are in {parts}.",
        ) from error
    for name in names:
        name.unlink()
    parts.rmdir()


def compared(result: LoadResult | None, against: LoadRecord | None, name: str) -> Comparison | None:
    """Returns a load compared with an earlier one, None where there is none."""
    if result is None or against is None or against.result is None:
        return None
    # scipy.stats takes as long to import as all the rest.
    from hinterland.load.judging.compare import compare

    return compare(result, against.result, names=(name, against.id))


def in_short(result: LoadResult | None, capacity: CapacityResult | None) -> str:
    """Returns what a load came to in a few words, for a list: `open, 2,000/s, p99 1.2 ms`."""
    if capacity is not None:
        found = capacity.capacity_per_s
        return (
            f"capacity {found:,.0f}/s"
            if found is not None
            else f"capacity: {capacity.ended.replace('_', ' ')}"
        )
    if result is None:
        return ""
    p99_s = Histogram.from_counts(result.response).percentile(0.99)
    time_text = "none" if math.isinf(p99_s) else "–" if math.isnan(p99_s) else f"{p99_s * 1000:.3g} ms"
    failed = result.operations - result.answered
    return f"{result.plan.model}, {result.reached_per_s:,.0f}/s, p99 {time_text}" + (
        f", {failed:,} errors" if failed else ""
    )


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Marks a load's folder as in use until this ends, or this process does."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # Some file systems know no locks.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def sweep(store: Path, *, older_than_s: float = YOUNG_S) -> None:
    """Removes the folders of loads that were killed before they came to anything."""
    for folder in store.glob("*-load-*"):
        with contextlib.suppress(OSError):
            if (folder / FILE).exists() or time.time() - folder.stat().st_mtime < older_than_s:
                continue
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                discard(folder)
            finally:
                os.close(handle)


def discard(folder: Path) -> None:
    """Removes the folder of a load that came to nothing."""
    if (folder / FILE).exists():
        return
    for left in folder.glob(f"{OPERATIONS}/*"):
        left.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (folder / OPERATIONS).rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def read(folder: Path) -> LoadRecord:
    """Returns the record in a folder. Raises UsageError where it can't be read."""
    try:
        record = msgspec.json.decode((folder / FILE).read_bytes(), type=LoadRecord, dec_hook=_as_array)
    except (OSError, msgspec.MsgspecError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or error
        raise UsageError(f"{folder / FILE} can't be read: {why}.", "See: hinterland runs") from error
    return replace(record, folder=str(folder))


def load(store: Path, name: str) -> LoadRecord:
    """Returns the load that a person means: its folder, id, a unique part of that, or `last`."""
    return read(find_folder(store, name, (FILE,)))


def without_secrets(plan: LoadPlan) -> LoadPlan:
    """Returns the plan without the password, and without the secrets in its headers, paths and bodies."""
    mix = tuple(
        replace(visit, requests=tuple(_request_without_secrets(request) for request in visit.requests))
        for visit in plan.mix
    )
    target = replace(plan.target, password="", path=hidden(plan.target.path))
    return replace(plan, mix=mix, target=target)


def lacks_secrets(plan: LoadPlan) -> bool:
    """Decides whether a plan had secrets that were not kept, so that it can't be driven again."""
    return NOT_KEPT in str(plan.mix) or MASK in str((plan.mix, plan.target))


def header_without_secret(name: str, value: str) -> str:
    """Returns the value of a header as it may be kept."""
    return NOT_KEPT if is_secret(name) and not is_filled_in(value) else hidden(value)


def _request_without_secrets(request: RequestPlan) -> RequestPlan:
    return replace(
        request,
        name=hidden(request.name),
        path=hidden(request.path),
        headers=tuple((name, header_without_secret(name, value)) for name, value in request.headers),
        body=hidden(request.body),
        checks=tuple(_check_without_secret(check) for check in request.checks),
    )


def _check_without_secret(check: Check) -> Check:
    shown = shown_check(check)
    return check if MASK not in shown else replace(check, value=MASK)


def _as_list(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no place in a record")


def _as_array(kind: Any, value: Any) -> Any:
    # NDArray[np.int32] is ndarray[shape, dtype[int32]].
    return np.asarray(value, dtype=kind.__args__[1].__args__[0])
