"""Faults have their effect, are recorded when they did, and step points hold a system in every gap."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from hinterland.errors import InternalError, SystemFailure, UsageError
from hinterland.model.history import Event
from hinterland.rig import faults
from hinterland.rig.process import Process
from hinterland.rig.processes.process_table import same
from hinterland.rig.readiness import LogReady
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

FAMILY = "import os, signal, time\nfor _ in range(3): os.fork()\nprint('up', flush=True)\nsignal.pause()"
STEPS = ("received", "checked", "charged", "stored", "answered")
HANDLER = f"""
import sys, threading
sys.path.insert(0, sys.argv[1])
from announce import announce
def handle(n):
    for step in {STEPS!r}:
        announce(step)
        print(n, step, flush=True)
threads = [threading.Thread(target=handle, args=(n,)) for n in range(int(sys.argv[2]))]
for each in threads: each.start()
for each in threads: each.join()
"""
NODE = """
const net = require("net")
const steps = net.connect(process.env.HINTERLAND_STEPS)
const announce = (name) => new Promise((go) => { steps.once("data", go); steps.write(name + "\\n") })
announce("one").then(() => { console.log("went on"); return announce("two") }).then(() => process.exit(7))
"""
RIG_FOLDER = Path(faults.__file__).parent


class Trial:
    """A rig with the events it recorded."""

    def __init__(self, scratch: Path) -> None:
        self.events: list[Event] = []
        self.folder = scratch / "trial"
        self.folder.mkdir()
        self.cache = scratch / "cache"

    def run(self, body: Callable[[Rig], object]) -> None:
        async def whole() -> None:
            async with Rig(self.folder, self.cache, self.events.append) as rig:
                await body(rig)  # type: ignore[misc]

        uvloop.run(whole())

    def faults(self) -> list[tuple[str, str]]:
        return [(event.name, event.stage) for event in self.events if event.kind == "fault"]

    def steps(self) -> list[str]:
        return [event.name for event in self.events if event.kind == "step"]


@pytest.fixture
def trial(scratch: Path) -> Trial:
    return Trial(scratch)


async def family(rig: Rig) -> Process:
    """Starts eight processes."""
    started = await rig.start([sys.executable, "-c", FAMILY], name="family", ready=LogReady("(?s)(up.*){8}"))
    assert len(started.members()) == 8
    return started


async def handler(rig: Rig, steps: dict[str, str], threads: int = 1) -> Process:
    # A copy, as a system under test would keep one: it must work without this package.
    copied = rig.folder("copied")
    shutil.copy(RIG_FOLDER / "announce.py", copied)
    return await rig.start([sys.executable, "-c", HANDLER, copied, threads], name="handler", env=steps)


def states(process: Process) -> set[str]:
    return {each.state for each in process.members()}


def test_kill_ends_the_whole_tree(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        started = await family(rig)
        before = started.members()
        assert await rig.kill(started)
        assert [each for each in before if same(each) is not None] == []
        assert started.returncode == -9
        with pytest.raises(UsageError, match="ended before"):
            await rig.kill(started)

    trial.run(body)
    assert trial.faults() == [("kill", "start"), ("kill", "effect")]
    start, effect = (event for event in trial.events if event.kind == "fault")
    assert effect.detail["processes"] == 8
    assert 0 < effect.t_ns - start.t_ns < 60e9


def test_one_process_of_a_tree_is_paused_and_killed(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        started = await family(rig)
        one = next(each for each in started.members() if each.pid != started.pid)
        assert await rig.pause(started, only=one.pid)
        assert {each.pid: each.state for each in started.members()}[one.pid] == "T"
        assert len([each for each in started.members() if each.state == "T"]) == 1
        assert await rig.kill(started, only=one.pid)
        assert same(one) is None or same(one).ended  # type: ignore[union-attr]
        assert started.alive
        assert len([each for each in started.members() if not each.ended]) == 7
        assert not started.asked_to_end
        for strange in (one.pid, os.getpid()):
            with pytest.raises(UsageError, match="no living process"):
                await rig.kill(started, only=strange)
            with pytest.raises(UsageError, match="no living process"):
                await rig.pause(started, only=strange)

    trial.run(body)
    assert trial.faults() == [("pause", "start"), ("pause", "effect"), ("kill", "start"), ("kill", "effect")]
    assert len({event.detail["pid"] for event in trial.events if event.kind == "fault"}) == 1


def test_a_killed_program_starts_again(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        started = await family(rig)
        first = started.pid
        await rig.kill(started)
        await started.restart()
        assert started.pid != first
        assert started.alive
        assert len(started.members()) == 8

    trial.run(body)


def test_pause_stops_all_until_resume(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        started = await family(rig)
        assert await rig.pause(started)
        assert states(started) == {"T"}
        assert started.alive
        assert await rig.resume(started)
        assert "T" not in states(started)

    trial.run(body)
    assert trial.faults() == [("pause", "start"), ("pause", "effect"), ("pause", "end")]


def test_a_paused_tree_can_be_killed(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        started = await family(rig)
        await rig.pause(started)
        assert await rig.kill(started)

    trial.run(body)


def test_terminate_lets_a_program_end_by_itself(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        code = "trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done"
        started = await rig.start(["sh", "-c", code], name="polite", ready=LogReady("up"))
        assert await rig.terminate(started)
        assert started.returncode == 5

    trial.run(body)
    assert trial.faults() == [("terminate", "start"), ("terminate", "effect")]


def test_a_fault_without_effect_is_not_recorded_as_one(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        code = "trap '' TERM; echo up; while :; do sleep 0.01; done"
        started = await rig.start(["sh", "-c", code], name="stubborn", ready=LogReady("up"))
        assert not await faults.terminate(started, timeout_s=0.1)
        assert started.alive

    trial.run(body)
    assert trial.faults() == [("terminate", "start")]


@pytest.mark.parametrize("step", STEPS)
def test_a_gate_holds_the_system_in_each_gap(trial: Trial, step: str) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        gate = steps.reached(step)
        started = await handler(rig, steps.environment)
        await gate
        assert (gate.name, gate.target, gate.holds) == (step, "handler", True)
        assert started.log_tail() == tuple(f"0 {done}" for done in STEPS[: STEPS.index(step)])
        await rig.kill(started)

    trial.run(body)
    assert trial.steps() == list(STEPS[: STEPS.index(step) + 1])
    killed = next(event.t_ns for event in trial.events if event.kind == "fault")
    assert trial.events[-1].t_ns >= killed


def test_released_it_goes_on_to_the_end(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        gate = steps.reached(lambda name: name.startswith("ch"))
        started = await handler(rig, steps.environment)
        assert (await gate).name == "checked"
        steps.release()
        assert await started.wait() == 0
        assert steps.seen == dict.fromkeys(STEPS, 1)

    trial.run(body)


def test_threads_are_held_one_by_one(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        gates = [steps.reached("charged") for _ in range(3)]
        started = await handler(rig, steps.environment, threads=8)
        for gate in gates:
            await gate
        others = steps.reached(lambda name: steps.seen.get("answered") == 5)
        await others
        others.release()
        assert steps.seen["stored"] == 5
        for gate in gates:
            gate.release()
        assert await started.wait() == 0
        assert steps.seen == dict.fromkeys(STEPS, 8)

    trial.run(body)


def test_an_action_at_a_step_is_done_before_the_system_goes_on(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        steps.on("charged", lambda name: rig.kill(rig.processes[0]))
        started = await handler(rig, steps.environment)
        assert await started.wait() == -9
        assert started.log_tail()[-1] == "0 checked"

    trial.run(body)
    assert trial.faults()[0] == ("kill", "start")


def test_an_action_that_raises_is_not_swallowed(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        steps.on("checked", lambda name: {}["missing"])
        assert await (await handler(rig, steps.environment)).wait() == 0

    with pytest.raises(InternalError, match="step point"):
        trial.run(body)


def test_a_step_that_is_never_reached(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        with pytest.raises(SystemFailure, match="'refunded' was not reached"):
            await steps.reached("refunded", timeout_s=0.05)

    trial.run(body)


def test_the_same_from_javascript(trial: Trial, require: Callable[[str], None]) -> None:
    require("program:node")

    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        gate = steps.reached("two")
        (rig.scratch / "steps.js").write_text(NODE)
        started = await rig.start([rig.scratch / "steps.js"], name="node", env=steps.environment)
        await gate
        assert started.log_tail() == ("went on",)
        gate.release()
        assert await started.wait() == 7

    trial.run(body)


def test_without_a_rig_a_step_costs_nothing() -> None:
    from hinterland.rig.announce import announce

    assert "HINTERLAND_STEPS" not in os.environ
    announce("anything")


def test_close_lets_a_held_system_go(trial: Trial) -> None:
    async def body(rig: Rig) -> None:
        steps = rig.step_points()
        await asyncio.gather(handler(rig, steps.environment), wait(steps.reached("checked")))
        steps.close()
        assert await rig.processes[0].wait(60) is not None

    async def wait(gate: object) -> None:
        await gate  # type: ignore[misc]

    trial.run(body)
