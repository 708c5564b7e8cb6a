"""Parties in a ring, each with a little work, who hand a token round.

    python ring.py WHO PARTIES MEMORY_KIB WHOSE CORE BATCHES

- coroutines: generators; the interpreter keeps the place where each stopped, and a loop resumes the next.
- event_loop: tasks of asyncio, each of which waits until the one before it wakes it.
- threads, processes: each waits in a read of its own pipe, and the kernel wakes it.

It prints `ready`, begins when it has read a line, and prints JSON: the CPU time of a turn, in ns, in batches
in which the token goes round; the same in batches between them, in which one party does all the work and
hands nothing over; and how often the kernel switched, by its own count.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

BATCH_NS = 15_000_000
OBJECT_BYTES = 32  # What a float and its place in a list take.

Memory = list[float]
children: list[int] = []


def scattered(size_kib: int) -> Memory:
    """Returns so much memory as numbers that lie in no order, as objects do that were made one by one."""
    made = [random.random() for _ in range(size_kib * 1024 // OBJECT_BYTES)]
    random.shuffle(made)
    return made


work: Callable[[Memory], float] = sum


def spent_ns() -> int:
    """Returns the CPU time of all parties so far: what others do on this core meanwhile is not in it."""
    own = time.process_time_ns()
    return own + sum(time.clock_gettime_ns((~child << 3) | 2) for child in children)


def coroutines(memories: list[Memory]) -> Callable[[], None]:
    """Returns what sends the token round once."""

    def party(memory: Memory) -> Generator[None]:
        while True:
            work(memory)
            yield

    ring = [party(memory) for memory in memories]

    def lap() -> None:
        for each in ring:
            next(each)

    return lap


def in_kernel(memories: list[Memory], start: Callable[[Callable[[], None]], None]) -> Callable[[], None]:
    """The same for parties that the kernel knows, one behind each pipe but the first, which is ours."""
    pipes = [os.pipe() for _ in memories]

    def turn(me: int) -> None:
        work(memories[me])
        os.write(pipes[(me + 1) % len(pipes)][1], b"t")

    def party(me: int) -> None:
        while os.read(pipes[me][0], 1):
            turn(me)

    def lap() -> None:
        turn(0)
        os.read(pipes[0][0], 1)

    for each in range(1, len(pipes)):
        start(partial(party, each))
    return lap


def as_thread(party: Callable[[], None]) -> None:
    threading.Thread(target=party, daemon=True).start()


def as_process(party: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        party()
        os._exit(0)
    children.append(child)


def measure(lap: Callable[[], None], parties: int) -> tuple[float, int]:
    """Returns the CPU time of a turn in one batch, in ns, and the number of turns."""
    laps, end_ns, spent = 0, time.monotonic_ns() + BATCH_NS, spent_ns()
    while True:
        lap()
        laps += 1
        if time.monotonic_ns() >= end_ns:
            return (spent_ns() - spent) / laps / parties, laps * parties


async def measure_tasks(memories: list[Memory]) -> tuple[float, int]:
    """The same for tasks of an event loop; the first of them looks at the clock after each lap."""
    loop = asyncio.get_running_loop()
    awaited = [loop.create_future() for _ in memories]
    result = 0.0, 0

    async def party(me: int) -> None:
        nonlocal result
        laps, end_ns, spent = 0, time.monotonic_ns() + BATCH_NS, spent_ns()
        while await awaited[me]:
            awaited[me] = loop.create_future()
            if me == 0 and laps and time.monotonic_ns() >= end_ns:
                result = (spent_ns() - spent) / laps / len(memories), laps * len(memories)
                break
            laps += 1
            work(memories[me])
            awaited[(me + 1) % len(memories)].set_result(True)
        for each in awaited[me + 1 : me + 2]:
            each.set_result(False)  # Each sends the next one home.

    awaited[0].set_result(True)
    await asyncio.gather(*(party(me) for me in range(len(memories))))
    return result


def switches() -> tuple[int, int]:
    """Returns how often the parties gave up their core, and how often it was taken from them.

    The count of a child becomes ours when it has ended and was waited for.
    """
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_nvcsw for each in used), sum(each.ru_nivcsw for each in used)


def main(who: str, parties: int, memory_kib: int, whose: str, core: int, batches: int) -> None:
    os.sched_setaffinity(0, {core})
    memories = [scattered(memory_kib) for _ in range(parties if whose == "own" else 1)]
    memories = (memories * parties)[:parties]
    together: Callable[[], tuple[float, int]]
    if who == "event_loop":
        runner = asyncio.Runner()
        runner.get_loop()
        together = lambda: runner.run(measure_tasks(memories))  # noqa: E731
    else:
        starts = {"threads": as_thread, "processes": as_process}
        lap = coroutines(memories) if who == "coroutines" else in_kernel(memories, starts[who])
        together = lambda: measure(lap, parties)  # noqa: E731

    def alone() -> None:
        for _ in range(parties):
            work(memories[0])

    print("ready", flush=True)
    sys.stdin.readline()
    pairs = [(together(), measure(alone, parties)) for _ in range(batches)]
    voluntary, involuntary = switches()
    said = {
        "turn_ns": [round(one[0], 1) for one, _ in pairs],
        "alone_ns": [round(one[0], 1) for _, one in pairs],
        "turns": sum(one[1] for one, _ in pairs),
        "voluntary": voluntary,
        "involuntary": involuntary,
    }
    print(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # The threads wait for a token that never comes.


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
