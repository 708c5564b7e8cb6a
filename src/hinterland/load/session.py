"""One load from its plan to its record: consent, the load itself, the judgement, the folder in the store."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import LoadPlan, Objective
from hinterland.load.record import folder as record
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import LoadResult
from hinterland.rig.link.host import Host
from hinterland.rig.machine.description import describe

T = TypeVar("T")
Watch = Callable[[LoadResult], None]
ENDING = (signal.SIGTERM, signal.SIGHUP)


async def drive(
    plan: LoadPlan,
    store: Path,
    *,
    watch: Watch | None = None,
    operations: Path | bool = False,
    against: LoadRecord | None = None,
    command: str = "",
    through: Host | None = None,
) -> LoadRecord:
    """Drives a load and returns its record, which is in the store by then.

    operations: where every operation is written, as Parquet; True: into the record's folder, a file a
    process. against: an earlier load to compare it with. through: the host of a link from which it comes.
    Cancelled, it returns the record of what was measured. Raises UsageError where the target has not agreed.
    """
    with _folder(store, plan) as folder:
        started_at = time.time()
        parts = folder / record.OPERATIONS if operations else None
        result = await run_load(plan, watch=watch, operations=parts, through=through)
        if parts is not None and isinstance(operations, Path):
            record.join_operations(parts, operations)
        result = replace(result, machine=describe(folder))
        return record.keep(folder, started_at=started_at, result=result, against=against, command=command)


async def search(
    plan: LoadPlan,
    objective: Objective,
    store: Path,
    *,
    watch: Callable[[CapacityResult], None] | None = None,
    watch_load: Watch | None = None,
    command: str = "",
    through: Host | None = None,
) -> LoadRecord:
    """Searches the highest rate at which the objective holds; returns the record, in the store by then.

    through: the host of a link from which the loads come.
    """
    # With the statistics that it needs, it takes as long to import as all the rest.
    from hinterland.load.capacity.find import find_capacity

    with _folder(store, plan) as folder:
        started_at = time.time()
        found = await find_capacity(
            plan, objective, watch=watch, watch_load=watch_load, run=partial(run_load, through=through)
        )
        return record.keep(folder, started_at=started_at, capacity=found, command=command)


@contextlib.contextmanager
def _folder(store: Path, plan: LoadPlan) -> Iterator[Path]:
    """Yields a new folder, which is gone again if no record was put into it."""
    record.sweep(store)
    folder = record.create(store, plan)
    try:
        with record.held(folder):
            yield folder
    finally:
        record.discard(folder)


def in_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` to its end, in a loop of its own, and returns what it returns.

    SIGINT, SIGTERM and SIGHUP cancel it, once. Where a loop is running already, as in a notebook, it runs
    in a thread, and a KeyboardInterrupt here cancels it there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_with_signals(work))
    return _in_thread(work)


async def _with_signals(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    if threading.current_thread() is not threading.main_thread():
        return await work()
    # asyncio.run does the same for SIGINT.
    for number in ENDING:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await work()
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)


def _in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` in a thread and waits for it."""
    found: list[T] = []
    failed: list[BaseException] = []
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []

    async def whole() -> T:
        task = asyncio.ensure_future(work())
        running.append((asyncio.get_running_loop(), task))
        return await task

    def body() -> None:
        try:
            found.append(asyncio.run(whole()))
        except BaseException as error:  # handed to who waits
            failed.append(error)

    thread = threading.Thread(target=body, name="hinterland load", daemon=True)
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
    if failed:
        raise failed[0]
    return found[0]
