"""Each tier that this machine has carries the same link; what it lacks is said with what would unlock it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from hinterland.errors import UsageError
from hinterland.rig.link.ends import planned, two_ends
from hinterland.rig.link.kernel import netem, tiers
from hinterland.rig.link.kernel.tiers import OVERRIDE
from hinterland.rig.link.link import Link
from hinterland.rig.processes.process_table import children_of

pytestmark = pytest.mark.system

LINK = """
import os, socket, sys
from hinterland.errors import HinterlandError
from hinterland.rig.link.ends import planned, two_ends
from hinterland.rig.link.link import Link

def open_one(depth, **asked):
    with Link(planned(f"depth{depth}", two_ends(rtt_ms=4, **asked), seed=1)) as link:
        with link.server.socket() as listener, link.client.socket() as client:
            listener.bind((link.server.address, 8080))
            listener.listen()
            client.connect((link.server.address, 8080))
            with listener.accept()[0] as accepted:
                client.sendall(b"over the link")
                assert accepted.recv(20) == b"over the link"
        print(depth, link.tier, link.server.address, flush=True)
        if depth:
            child = os.fork()
            if child == 0:
                link.client.namespaces.enter()
                # The first program drops what rights the entrance brought.
                os.execv(sys.executable, [sys.executable, __file__, str(depth - 1)])
            assert os.waitpid(child, 0)[1] == 0

try:
    open_one(int(sys.argv[1]), **({"loss": 0.5} if "loss" in sys.argv else {}))
except HinterlandError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(autouse=True)
def _needs_a_link(require: Callable[[str], None]) -> None:
    require("capability:link")


@pytest.fixture
def script(scratch: Path) -> Path:
    made = scratch / "link.py"
    made.write_text(LINK)
    return made


def run(*words: str | Path, **env: str) -> str:
    done = subprocess.run(
        words,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.stdout


def rtt_ms(link: Link) -> float:
    """Returns the least of several round trips: a busy machine adds to most, and takes away from none."""
    with (
        link.server.socket(type=socket.SOCK_DGRAM) as server,
        link.client.socket(type=socket.SOCK_DGRAM) as client,
    ):
        server.bind((link.server.address, 7007))
        server.settimeout(60)
        client.settimeout(60)
        client.connect((link.server.address, 7007))
        took = []
        for _ in range(20):
            start_s = time.monotonic()
            client.send(b"x")
            _, where = server.recvfrom(10)
            server.sendto(b"y", where)
            client.recv(10)
            took.append((time.monotonic() - start_s) * 1000)
    return min(took)


@pytest.mark.parametrize("tier", ["tun", "packet", "proxy"])
def test_each_tier_delays_as_asked(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tier == "tun" and tiers.survey().tier != "tun":
        pytest.skip("/dev/net/tun is closed here")
    monkeypatch.setenv(OVERRIDE, tier)
    with Link(planned("link", two_ends(rtt_ms=30), seed=1)) as link:
        assert link.tier == tier
        assert 30 <= rtt_ms(link) < 60
        link.change(delay_ms=5)
        assert 10 <= rtt_ms(link) < 30
        assert link.audit().unintended == {}


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_proxy_is_met_on_the_way_by_whoever_connects(
    runner: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OVERRIDE, "proxy")

    async def both(link: Link) -> None:
        loop = asyncio.get_running_loop()
        with link.server.socket() as listener, link.client.socket() as client:
            for one in (listener, client):
                one.setblocking(False)
            listener.bind((link.server.address, 8080))
            listener.listen()
            await loop.sock_connect(client, (link.server.address, 8080))
            accepted, _ = await loop.sock_accept(listener)
            start_s = time.monotonic()
            await loop.sock_sendall(client, b"there")
            assert await loop.sock_recv(accepted, 10) == b"there"
            await loop.sock_sendall(accepted, b"back")
            assert await loop.sock_recv(client, 10) == b"back"
            assert 0.03 <= time.monotonic() - start_s < 1
            client.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(accepted, 10) == b""
            accepted.close()

    with Link(planned("link", two_ends(rtt_ms=30), seed=1)) as link:
        runner(both(link))
        with pytest.raises(UsageError, match="loss"):
            link.change(loss=0.1)


def test_a_proxy_keeps_to_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE, "proxy")
    with Link(planned("link", two_ends(rate_mbit=20), seed=1)) as link, link.server.socket() as listener:
        listener.bind((link.server.address, 8080))
        listener.listen()
        with link.client.socket() as client:
            client.connect((link.server.address, 8080))
            with listener.accept()[0] as accepted:
                left = 500_000
                start_s = time.monotonic()
                client.sendall(bytes(left))
                while left:
                    left -= len(accepted.recv(left))
                # 4 Mbit at 20 Mbit/s.
                assert 0.2 <= time.monotonic() - start_s < 2


def test_the_forwarder_is_run_soon_and_what_runs_in_a_host_is_not() -> None:
    with Link(planned("link", two_ends(), seed=1)) as link:
        policies = {
            pid: os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK for pid in children_of(link.child_pid)
        }
        done = link.client.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"])
    assert int(done.stdout) == os.sched_getscheduler(0)
    wanted = os.SCHED_RR if link.scheduling == "real_time" else os.SCHED_OTHER
    assert list(policies.values()) == [wanted]


def test_the_kernels_own_emulation_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = "from hinterland.rig.link import tiers, netem, namespaces as n; tiers.enter_rights(); "
    probe += "n.unshare_network(); netem.try_out(); print('netem')"
    if "netem" not in run(sys.executable, "-c", probe).splitlines():
        pytest.skip(str(netem.refused(OSError(2, "No such file or directory"))))
    monkeypatch.setenv(OVERRIDE, "netem")
    with Link(planned("link", two_ends(rtt_ms=30), seed=1)) as link:
        assert 30 <= rtt_ms(link) < 60
        link.change(delay_ms=5)
        assert 10 <= rtt_ms(link) < 30


@pytest.mark.parametrize("tier", ["tun", "packet"])
def test_a_packet_larger_than_the_mtu_never_meets_the_link(
    tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tier == "tun" and tiers.survey().tier != "tun":
        pytest.skip("/dev/net/tun is closed here")
    monkeypatch.setenv(OVERRIDE, tier)
    with Link(planned("link", two_ends(rtt_ms=4), seed=1, mtu=1400, packets=True)) as link:
        with link.server.socket() as listener, link.client.socket() as client:
            listener.bind((link.server.address, 8080))
            listener.listen()
            client.connect((link.server.address, 8080))
            with listener.accept()[0] as accepted:
                client.sendall(bytes(100_000))
                left = 100_000
                while left:
                    left -= len(accepted.recv(left))
        sizes = link.packets().size_bytes
        assert sizes.max() == 1400
        assert sizes.sum() > 100_000


@pytest.mark.parametrize("tier", ["tun", "packet"])
def test_ipv6_passes_and_the_kernel_adds_nothing(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tier == "tun" and tiers.survey().tier != "tun":
        pytest.skip("/dev/net/tun is closed here")
    monkeypatch.setenv(OVERRIDE, tier)
    with Link(planned("link", two_ends(rtt_ms=4), seed=1, ipv6=True, packets=True)) as link:
        with (
            link.server.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server,
            link.client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client,
        ):
            server.bind((link.server.address6, 53))
            server.settimeout(60)
            client.sendto(b"x", (link.server.address6, 53))
            assert server.recvfrom(10)[0] == b"x"
        log = link.packets()
    assert len(log) == 1
    assert log.head[0, 0] >> 4 == 6


def test_a_link_in_a_link_takes_another_network(script: Path) -> None:
    outer, inner = run(sys.executable, script, "1").splitlines()
    assert outer.split()[1] == inner.split()[1]
    assert outer.split()[2] != inner.split()[2]


def without_rights(*more: str) -> list[str]:
    """Returns what runs a program as an ordinary user would: root without any right, or this very user."""
    if os.geteuid() != 0:
        return [*more]
    program = shutil.which("setpriv")
    if program is None:
        pytest.skip("setpriv is not here")
    # Root is mapped to itself in its own namespace, which takes the right to give files capabilities.
    return [program, "--bounding-set=-all,+setfcap", *more]


def test_no_rights_are_needed(script: Path) -> None:
    (said,) = run(*without_rights(), sys.executable, script, "0").splitlines()
    assert re.match(r"0 (tun|packet) ", said), said


def test_a_link_in_a_link_needs_no_rights(script: Path) -> None:
    assert len(run(*without_rights(), sys.executable, script, "1").splitlines()) == 2


def covered(script: Path, *words: str, prepare: str) -> str:
    """Runs the script in a user and mount namespace that `prepare`, a shell command, has spoilt."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not here")
    inside = f"{prepare} && exec {sys.executable} {script} {' '.join(words)}"
    return run(unshare, "--user", "--map-root-user", "--mount", "sh", "-c", inside)


def test_without_a_tun_device_packet_sockets_do_it(script: Path) -> None:
    said = covered(script, "0", prepare="mount --bind /dev/null /dev/net/tun")
    assert said.startswith("0 packet "), said


def test_without_namespaces_the_proxy_does_what_it_can(script: Path) -> None:
    spoil = "echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces"
    said = covered(script, "0", prepare=spoil)
    assert said.startswith("0 proxy 127."), said
    said = covered(script, "0", "loss", prepare=spoil)
    assert said.startswith("SetupError"), said
    assert "proxy: it can't do loss" in said
    assert "user.max_user_namespaces" in said


@pytest.mark.parametrize("tier", ["tun", "packet"])
def test_no_packet_is_lost_in_silence(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tier == "tun" and tiers.survey().tier != "tun":
        pytest.skip("/dev/net/tun is closed here")
    monkeypatch.setenv(OVERRIDE, tier)
    # More than the queue of a device, or the buffer of a packet socket, holds.
    sent = 150_000
    with (
        Link(planned("link", two_ends(), seed=1)) as link,
        link.client.socket(type=socket.SOCK_DGRAM) as client,
    ):
        # Nobody listens on the far side, whose kernel answers the first of them with an ICMP message or two.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        (forwarder,) = children_of(link.child_pid)
        os.kill(forwarder, signal.SIGSTOP)
        taken = 0
        for _ in range(sent):
            with contextlib.suppress(ConnectionRefusedError):
                taken += client.sendto(bytes(8), (link.server.address, 9)) == 8
        os.kill(forwarder, signal.SIGCONT)
        audit = link.audit()
        end_s = time.monotonic() + 20
        while audit.packets + sum(audit.unintended.values()) < taken and time.monotonic() < end_s:
            audit = link.audit()
        dropped = sum(audit.unintended.values())
        # While the forwarder slept its queue overflowed, and each packet is counted here or there.
        assert dropped > 0
        assert taken <= audit.packets + dropped <= taken + 100
