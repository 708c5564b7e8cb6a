"""How fast a link begins, and whether anything of it stays: after closing a hundred, and after SIGKILL."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hinterland
from benchmarks.link.row import Row, quantiles
from hinterland.rig.processes.process_table import descendants_of
from hinterland.rig.processes.supervision import become_subreaper, end_descendants

START_MS = 300.0
GONE_WITHIN_S = 5.0
LONGEST_LIFE_S = 0.6
PORT = 9
VICTIM = Path(__file__).parent / "victim.py"


def rows(starts: int, links: int, kills: int) -> Iterator[Row]:
    """Gives the three rows, from so many links each."""
    yield _started(starts)
    yield _reopened(links)
    yield _killed(kills)


def _started(times: int) -> Row:
    """Measures from the call to the first packet at the far end, each time with a new link."""
    found_ms = []
    for _ in range(times):
        began_s = time.monotonic()
        with hinterland.link(rtt_ms=0) as link:
            kind = socket.SOCK_DGRAM
            with link.client.socket(type=kind) as source, link.server.socket(type=kind) as sink:
                sink.bind((link.server.address, PORT))
                source.sendto(b"first", (link.server.address, PORT))
                sink.settimeout(GONE_WITHIN_S)
                sink.recv(16)
                found_ms.append((time.monotonic() - began_s) * 1000)
    median_ms, worst_ms = quantiles(found_ms, 0.5, 1.0)
    return Row(
        group="life",
        asked="start to first packet",
        measured=f"median {median_ms:.0f} ms, worst of {times} {worst_ms:.0f} ms",
        target=f"median {START_MS:g} ms",
        met=median_ms <= START_MS,
        detail={"start_ms": found_ms},
    )


def _reopened(times: int) -> Row:
    """Opens and closes links in this process, and counts what is left."""
    with hinterland.link():
        pass  # What the first one imports and opens for good is no leak.
    files, processes, networks = _open_files(), len(descendants_of(os.getpid())), _own_networks()
    began_s = time.monotonic()
    for _ in range(times):
        with hinterland.link(rtt_ms=1):
            pass
    took_s = time.monotonic() - began_s
    left = {
        "descriptors": _open_files() - files,
        "processes": len(descendants_of(os.getpid())) - processes,
        "networks": len(_own_networks() - networks),
    }
    counts = ", ".join(f"{count} {name}" for name, count in left.items())
    return Row(
        group="life",
        asked=f"{times} links, one after another",
        measured=f"{counts} left; {took_s / times * 1000:.0f} ms each",
        target="nothing left",
        met=not any(left.values()),
        detail={**left, "took_s": took_s},
    )


def _killed(times: int) -> Row:
    """Kills processes that open a link and use it, at random moments, and counts what is left of each."""
    become_subreaper()
    before = descendants_of(os.getpid())
    left_processes, left_files, slowest_s = 0, 0, 0.0
    complaints = []
    for _ in range(times):
        # Not hinterland-...: a run of hinterland removes folders of that name that nobody holds.
        with tempfile.TemporaryDirectory(prefix="bench-link-") as folder:
            victim = subprocess.Popen(
                [sys.executable, VICTIM],
                env={**os.environ, "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert victim.stderr is not None
            time.sleep(random.uniform(0, LONGEST_LIFE_S))
            ended_by_itself = victim.poll() is not None
            victim.kill()
            victim.wait()
            slowest_s = max(slowest_s, _until_gone(before))
            left_processes += len(set(descendants_of(os.getpid())) - set(before))
            left_files += len(os.listdir(folder))
            end_descendants(os.getpid(), keep=before)
            with victim.stderr:
                said = victim.stderr.read().decode(errors="replace")
            if ended_by_itself:
                complaints.append(said[-1000:])
    counts = f"{left_processes} processes, {left_files} files"
    if complaints:
        counts = f"{len(complaints)} ended before they were killed; {counts}"
    return Row(
        group="life",
        asked=f"SIGKILL at {times} moments",
        measured=f"{counts} left after at most {slowest_s * 1000:.0f} ms",
        target="nothing left",
        met=left_processes == 0 and left_files == 0 and not complaints,
        detail={
            "processes": left_processes,
            "files": left_files,
            "gone_after_s": slowest_s,
            "complaints": complaints,
        },
    )


def _until_gone(before: list[int]) -> float:
    """Waits until no descendant is left but those from before, and returns how long that took, in s."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < GONE_WITHIN_S:
        while True:
            try:
                reaped, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not reaped:
                break
        if not set(descendants_of(os.getpid())) - set(before):
            break
        time.sleep(0.001)
    return time.monotonic() - began_s


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _own_networks() -> set[str]:
    """Returns the network namespaces that descriptors or processes of ours hold."""
    found = set()
    for pid in (os.getpid(), *descendants_of(os.getpid())):
        for place in (Path(f"/proc/{pid}/ns/net"), *_descriptors(pid)):
            try:
                target = os.readlink(place)
            except OSError:
                continue
            if target.startswith("net:"):
                found.add(target)
    return found


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []
