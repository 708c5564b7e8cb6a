"""Probes measure what is known to have happened."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.errors import SetupError
from hinterland.package import FOLDER
from hinterland.rig.probes import memory
from hinterland.rig.probes.device import DeviceBytes
from hinterland.rig.probes.memory import MemoryLimit
from hinterland.rig.probes.process_tree import BOOT
from hinterland.rig.readiness import LogReady, until_ready
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

BURN = """
import os, sys, time
work_s, megabytes = float(sys.argv[1]), int(sys.argv[2])
held = bytearray(os.urandom(1)) * (megabytes << 20)
files = [open("/dev/null") for _ in range(50)]
print("up", flush=True)
input()
start = time.process_time()
while time.process_time() - start < work_s: pass
print("burnt", time.process_time() - start, flush=True)
input()
"""


def run(scratch: Path, body: Callable[[Rig], Any]) -> None:
    async def whole() -> None:
        trial = scratch / "trial"
        trial.mkdir()
        async with Rig(trial, scratch / "cache", lambda event: None) as rig:
            await body(rig)

    uvloop.run(whole())


async def logged(rig: Rig, word: str) -> None:
    """Returns when the first process has logged `word`."""
    await until_ready(rig.processes[0], LogReady(word, timeout_s=60))


def test_a_busy_process_is_measured(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        read, write = os.pipe()
        code = [sys.executable, "-c", BURN, 0.3, 40]
        started = await rig.start(code, name="burn", stdin=read, ready=LogReady("up"))
        async with rig.probe(started, interval_s=0.02) as probe:
            os.write(write, b"go\n")
            await logged(rig, "burnt")
        assert probe.cpu_s == pytest.approx(0.3, abs=0.03)
        assert 40 << 20 <= probe.rss_peak_bytes < 80 << 20
        assert 40 << 20 <= probe.pss_bytes < 80 << 20
        assert probe.open_files_peak >= 50
        assert max(probe.threads) == 1
        assert probe.wall_s >= probe.cpu_s
        assert probe.cpu_share == pytest.approx(probe.cpu_s / probe.wall_s)
        now = rig.usage(started)
        assert now.processes == 1
        assert now.cpu_s >= 0.3
        os.close(read)
        os.close(write)

    run(scratch, body)


def test_a_sampler_that_is_quicker_than_who_asks_waits_for_a_root() -> None:
    command = [sys.executable, "-S", "-E", "-c", BOOT, str(FOLDER), "0.01"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as sampler:
        assert sampler.stdin is not None
        assert sampler.stdout is not None
        sampler.stdin.write(b"ro")
        # Read, but no root yet: it must say nothing, and sample nothing.
        while fcntl.ioctl(sampler.stdin, termios.FIONREAD, b"0000") != bytes(4):
            assert sampler.poll() is None
        sampler.stdin.write(f"ot {os.getpid()}\n".encode())
        assert sampler.stdout.readline() == b"ready\n"
        sampler.stdin.close()
        samples = json.loads(sampler.stdout.read())["samples"]
    assert samples[0][1] > 0, "the first sample is of the root"


def test_two_processes_on_one_core_wait_for_each_other(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        core = {min(rig.server_cores)}
        pipes = [os.pipe() for _ in range(2)]
        first, _ = [
            await rig.start(
                [sys.executable, "-c", BURN, 0.2, 1],
                name="burn",
                stdin=pipe[0],
                ready=LogReady("up"),
                cores=core,
            )
            for pipe in pipes
        ]
        async with rig.probe(first) as probe:
            for pipe in pipes:
                os.write(pipe[1], b"go\n")
            await logged(rig, "burnt")
        # It had to share the core with its twin for about as long as it ran.
        assert probe.run_delay_s > 0.1
        for end in sum(pipes, ()):
            os.close(end)

    run(scratch, body)


def test_a_tree_that_grows_and_is_restarted_is_followed(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        code = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done' & wait; echo done; sleep 60"
        started = await rig.start(["sh", "-c", code], name="shell")
        async with rig.probe(started, interval_s=0.01) as probe:
            await logged(rig, "done")
            await rig.kill(started)
            await started.restart()
            await logged(rig, "done")
        assert probe.cpu_s > 0.02
        assert max(probe.threads) >= 2

    run(scratch, body)


def test_bytes_on_the_device(scratch: Path, require: Callable[[str], None]) -> None:
    if DeviceBytes(scratch).stat_path is None:
        pytest.skip("the temporary folder is on no block device")
    written = []
    # Others write to the same device: the quietest of five windows is ours.
    for _ in range(5):
        with DeviceBytes(scratch) as counted, open(scratch / "data", "wb") as file:
            file.write(os.urandom(4 << 20))
            file.flush()
            os.fsync(file.fileno())
        assert counted.written_bytes is not None
        written.append(counted.written_bytes)
    assert 4 << 20 <= min(written) < 8 << 20
    assert counted.device


def test_the_machine_sees_a_stranger_at_work(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        code = [sys.executable, "-c", BURN, 0.3, 1]
        read, write = os.pipe()
        await rig.start(code, name="burn", stdin=read, ready=LogReady("up"))
        with rig.machine_probe() as machine:
            os.write(write, b"go\n")
            await logged(rig, "burnt")
        cores = os.cpu_count() or 1
        # What we start ourselves is not a stranger's work.
        assert machine.others_share <= 1 - 0.25 / machine.wall_s / cores + 0.05
        assert 0 <= machine.steal_share <= 1
        if Path("/proc/pressure/cpu").exists():
            assert machine.cpu_some_share is not None
            assert 0 <= machine.cpu_some_share <= 1
        os.close(read)
        os.close(write)

    run(scratch, body)


def test_a_memory_limit_is_felt_and_removed(scratch: Path) -> None:
    if memory.parent_group() is None:
        with pytest.raises(SetupError, match="systemd-run"):
            MemoryLimit(1 << 20)
        return
    folders = []

    async def body(rig: Rig) -> None:
        limit = rig.memory_limit(40 << 20)
        folders.append(limit.folder)
        code = (
            "held = b'x' * (20 << 20); print('twenty', flush=True); held = b'x' * (200 << 20); print('all')"
        )
        started = await rig.start([sys.executable, "-c", code], name="hungry", limit=limit)
        assert await started.wait() == -9
        assert started.log_tail() == ("twenty",)

    run(scratch, body)
    assert not folders[0].exists()
