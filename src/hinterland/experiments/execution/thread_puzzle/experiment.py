"""Four clients ask without a pause; the servers differ in who does the work, on two cores or on one."""

from __future__ import annotations

import json
from pathlib import Path

from hinterland.lab import (
    UNFINISHED,
    Assumption,
    History,
    Outcome,
    Process,
    SetupError,
    Trial,
    free_threaded_python,
    start_neighbour,
    time_each,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST, CLIENTS, DURATION_S = "127.0.0.1", 4, 0.4
PATIENCE_S = 5.0

PROGRAMS: dict[str, str] = {
    "one_by_one": "one_by_one.py",
    "threads": "threads.py",
    "processes": "processes.py",
    "event_loop": "event_loop.py",
    "free_threads": "threads.py",
    "free_threads_locked": "threads.py",
}
LOCK_OPTION = {"free_threads": "gil=0", "free_threads_locked": "gil=1"}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    neighbour = await start_neighbour(t.rig)
    port = t.rig.free_port()
    server = await start_server(t, port, neighbour.port)
    t.phase("measure")
    cpu_s = t.rig.usage(server).cpu_s
    await t.load(
        "requests", port, closed=True, connections=CLIENTS, duration_s=DURATION_S, timeout_s=PATIENCE_S
    )
    t.reading("cpu_s", t.rig.usage(server).cpu_s - cpu_s)
    t.reading("build", json.loads(server.log()))


async def start_server(t: Trial, port: int, neighbour_port: int) -> Process:
    """Starts the variant's server on as many cores as the trial gives it, the generator's own last."""
    command: list[str | Path | int | float] = []
    if option := LOCK_OPTION.get(t["variant"]):
        interpreter = free_threaded_python()
        if interpreter is None:
            raise SetupError("no free-threaded Python is on the search path.", "uv python install 3.14t")
        command = [interpreter, "-X", option]
    command += [SYSTEMS / PROGRAMS[t["variant"]], port, neighbour_port, t["computing_share"]]
    cores = [*sorted(t.rig.server_cores), *t.rig.generator_core]
    return await t.rig.start(command, name=t["variant"], port=port, cores=cores[: t["cores"]])


def outcome(h: History) -> Outcome:
    sample, build = h.loads["requests"], h.readings["build"]
    done_ns = sample.done_ns[(sample.done_ns != UNFINISHED) & (sample.error == 0)]
    each_ns = time_each(done_ns, CLIENTS)
    metrics = {}
    if each_ns:
        metrics["rate_per_s"] = 1e9 / each_ns
        metrics["cores_busy"] = h.readings["cpu_s"] * 1e9 / float(done_ns.max() - sample.start_ns)
    return Outcome(metrics=metrics, assumptions=assumptions(h, len(done_ns), build))


def assumptions(h: History, answered: int, build: dict[str, int | str | bool]) -> tuple[Assumption, ...]:
    """Returns what must be true of a trial: everything answered, the lock as it should be, the cores too."""
    asked, wanted = len(h.loads["requests"].done_ns), h.treatment["variant"] != "free_threads"
    return (
        Assumption(
            id="all_answered",
            says="every request was answered",
            held=answered == asked,
            measured=f"{answered:,} of {asked:,}",
        ),
        Assumption(
            id="lock_as_meant",
            says=f"the server's Python runs {'with' if wanted else 'without'} its global lock",
            held=build["lock"] is wanted,
            measured=f"{build['python']}, lock {'on' if build['lock'] else 'off'}",
        ),
        Assumption(
            id="cores_as_asked",
            says="the server may use as many cores as the trial gives it",
            held=build["cores"] == h.treatment["cores"],
            measured=f"{build['cores']}",
        ),
    )
