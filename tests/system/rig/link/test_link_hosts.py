"""Hosts of a link in a trial: programs run in them, names resolve, kernels obey, and it is recorded."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.errors import SetupError, SystemFailure, UsageError
from hinterland.model.history import Event
from hinterland.model.packets import PacketLog
from hinterland.model.run import PlannedTrial
from hinterland.rig.link.kernel.plan import HostLink
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.pipe.shape import Shape
from hinterland.rig.processes.ports import listens_for
from hinterland.rig.readiness import HttpReady, LogReady, UdpReady
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import nginx as nginx_service
from hinterland.runner.trials.trial import Trial

pytestmark = pytest.mark.system

ECHO = """
import os, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.create_server((address, port), family=family)
print("listening as", os.getuid(), flush=True)
while True:
    connection, peer = listener.accept()
    while data := connection.recv(65536):
        connection.sendall(data)
"""
UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(data, peer)
"""
NAMES = """
import signal, socket, sys
for name in sys.argv[1:]:
    print(name, *sorted({found[4][0] for found in socket.getaddrinfo(name, 1)}), flush=True)
try:
    socket.getaddrinfo("elsewhere.example", 1)
except OSError:
    print("nobody elsewhere", flush=True)
print(open("/etc/resolv.conf").read(), flush=True)
signal.pause()
"""

Body = Callable[[Rig], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _needs_a_link(require: Callable[[str], None]) -> None:
    require("capability:link")


class Ran:
    """What a body left behind: events, and packets by link."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.packets: dict[str, PacketLog] = {}

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.kind == "link" and event.name == name]


def run(scratch: Path, body: Body, pcap_folder: Path | None = None) -> Ran:
    ran = Ran()

    async def whole() -> None:
        trial = scratch / "trial"
        trial.mkdir(exist_ok=True)
        async with Rig(
            trial,
            scratch / "cache",
            ran.events.append,
            packets=ran.packets.__setitem__,
            pcap_folder=pcap_folder,
            seed=7,
        ) as rig:
            await body(rig)

    uvloop.run(whole())
    return ran


async def exchange(connection: socket.socket, address: str, port: int) -> float:
    """Connects, sends and gets a byte back; returns how long the exchange took, in seconds."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    await loop.sock_connect(connection, (address, port))
    start_s = time.monotonic()
    await loop.sock_sendall(connection, b"x")
    assert await loop.sock_recv(connection, 10) == b"x"
    return time.monotonic() - start_s


def test_a_program_in_a_host_is_reached_over_the_link_alone(scratch: Path) -> None:
    server = scratch / "echo.py"
    server.write_text(ECHO)

    async def body(rig: Rig) -> None:
        link = await rig.link(rtt_ms=40)
        # A port below 1024, and one that may be taken on the machine itself: here it is free.
        process = await rig.start([server, "0.0.0.0", 443], name="server", host=link.server, port=443)
        with link.client.socket() as connection:
            assert 0.04 <= await exchange(connection, link.server.address, 443) < 1
        assert listens_for(443, [process.pid], view=process.pid)
        assert not listens_for(443, [process.pid])
        assert await rig.kill(process)
        await process.restart()
        with link.client.socket() as connection:
            await exchange(connection, link.server.address, 443)

    ran = run(scratch, body)
    (opened,) = ran.named("opened")
    assert opened.detail["hosts"]["client"]["up"] == {"delay_ms": 20.0}
    (audit,) = ran.named("audit")
    assert audit.detail["packets"] > 0
    assert audit.detail["unintended"] == {}
    assert [event.name for event in ran.events if event.kind == "link"] == ["opened", "audit", "closed"]


def test_a_server_that_talks_to_itself_alone_is_told_so(scratch: Path) -> None:
    server = scratch / "echo.py"
    server.write_text(ECHO)

    async def body(rig: Rig) -> None:
        link = await rig.link()
        with pytest.raises(SystemFailure, match=r"127\.0\.0\.1") as raised:
            await rig.start([server, "127.0.0.1", 8000], name="server", host=link.server, port=8000)
        assert link.server.address in raised.value.next_step

    run(scratch, body)


def test_as_root_a_program_in_a_host_can_be_another_user(scratch: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can change the user")
    script = scratch / "who.sh"
    script.write_text("id -u; pwd; echo ready; sleep 100")
    script.chmod(0o755)

    async def body(rig: Rig) -> None:
        link = await rig.link()
        process = await rig.start([script], name="who", host=link.server, user=True, ready=LogReady("^ready"))
        uid, folder, _ = process.log().split()
        assert int(uid) != 0
        assert Path(folder) == rig.scratch / "who"

    run(scratch, body)


def test_names_lead_to_the_hosts_and_nowhere_else(scratch: Path) -> None:
    script = scratch / "names.py"
    script.write_text(NAMES)
    before = Path("/etc/hosts").read_text()

    async def body(rig: Rig) -> None:
        link = await rig.link(client=HostSettings(nameserver="198.51.100.53"))
        process = await rig.start(
            [script, "server", "client", "localhost"],
            name="names",
            host=link.client,
            ready=LogReady("^nameserver 198.51.100.53"),
            env={"RES_OPTIONS": "attempts:1 timeout:1"},
        )
        said = process.log()
        assert f"server {link.server.address}\n" in said
        assert f"client {link.client.address}\n" in said
        assert "localhost 127.0.0.1\n" in said

    run(scratch, body)
    assert Path("/etc/hosts").read_text() == before


def test_a_kernel_does_what_its_host_was_told(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        told = HostSettings(
            congestion="reno", initcwnd=3, rto_min_ms=40, quickack=True, somaxconn=7, fastopen=3,
            sysctl={"net.ipv4.tcp_sack": 0},
        )  # fmt: skip
        link = await rig.link(server=told)
        found = link.server.in_effect
        assert {name: found[name] for name in ("congestion", "initcwnd", "rto_min_ms", "quickack")} == {
            "congestion": "reno", "initcwnd": 3, "rto_min_ms": 40, "quickack": True,
        }  # fmt: skip
        assert found["sysctl"]["net.core.somaxconn"] == "7"
        assert found["sysctl"]["net.ipv4.tcp_fastopen"] == "3"
        assert found["sysctl"]["net.ipv4.tcp_sack"] == "0"
        assert found["sysctl"]["net.ipv4.tcp_no_metrics_save"] == "1"
        assert link.client.in_effect["congestion"] == "cubic"
        with link.server.socket() as listener, link.client.socket() as client:
            listener.bind((link.server.address, 80))
            listener.listen()
            client.connect((link.server.address, 80))
            accepted, _ = listener.accept()
            with accepted:
                used = {
                    one: one.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
                    for one in (client, accepted)
                }
            assert used == {client: b"cubic", accepted: b"reno"}
        link.server.set(initcwnd=20)
        assert link.server.in_effect["initcwnd"] == 20
        assert link.server.in_effect["congestion"] == "reno"

    ran = run(scratch, body)
    (changed,) = ran.named("changed")
    assert changed.detail["settings"]["initcwnd"] == 20


def test_what_a_kernel_refuses_is_no_link(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match=r"net\.ipv4\.no_such_thing"):
            await rig.link(server=HostSettings(sysctl={"net.ipv4.no_such_thing": 1}))
        with pytest.raises(UsageError):
            await rig.link(loss=2)

    assert run(scratch, body).named("opened") == []


def test_a_partition_is_a_fault_with_an_end(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        link = await rig.link(rtt_ms=2, packets=True)
        with (
            link.server.socket(type=socket.SOCK_DGRAM) as server,
            link.client.socket(type=socket.SOCK_DGRAM) as client,
        ):
            server.bind((link.server.address, 9))
            server.settimeout(60)
            client.settimeout(60)
            client.connect((link.server.address, 9))
            client.send(b"before")
            _, where = server.recvfrom(10)
            await link.partition(way="up")
            client.send(b"cut")
            server.sendto(b"the other way", where)
            assert client.recv(20) == b"the other way"
            await link.heal()
            client.send(b"after")
            assert server.recvfrom(10)[0] == b"after"
        with pytest.raises(UsageError):
            await link.partition(way="sideways")
        with pytest.raises(UsageError, match="nobody"):
            await link.change("nobody", loss=0.5)
        await link.change(up=Shape(delay_ms=3))
        await link.change(loss=0.5)

    ran = run(scratch, body)
    stages = [event.stage for event in ran.events if (event.kind, event.name) == ("fault", "partition")]
    assert stages == ["start", "effect", "end"]
    log = ran.packets["link"]
    assert [int(fate) for fate in log.fate] == [0, 4, 0, 0]
    assert ran.named("changed")[-1].detail["up"] == {"delay_ms": 3.0, "loss": 0.5}
    assert ran.named("changed")[-1].detail["down"] == {"delay_ms": 1.0, "loss": 0.5}


def test_every_host_of_a_star_has_a_link_of_its_own(scratch: Path) -> None:
    server = scratch / "udp.py"
    server.write_text(UDP)

    async def body(rig: Rig) -> None:
        delays_ms = {"near": 1, "far": 30, "middle": 10}
        star = await rig.star(
            {name: HostLink(up=Shape(delay_ms=ms), down=Shape(delay_ms=ms)) for name, ms in delays_ms.items()}
        )
        for host in star.hosts.values():
            await rig.start([server, "0.0.0.0", 53], name=host.name, host=host, port=53, ready=UdpReady())
        for here, there in (("near", "middle"), ("near", "far"), ("middle", "far")):
            with star[here].socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(60)
                start_s = time.monotonic()
                client.sendto(b"x", (star[there].address, 53))
                client.recv(10)
                took_ms = (time.monotonic() - start_s) * 1000
                assert took_ms >= 2 * (delays_ms[here] + delays_ms[there])

    run(scratch, body)


def test_ipv6_when_it_is_asked_for_and_not_a_packet_unasked(scratch: Path) -> None:
    server = scratch / "echo.py"
    server.write_text(ECHO)

    async def body(rig: Rig) -> None:
        link = await rig.link(rtt_ms=4, ipv6=True, packets=True)
        await rig.start(
            [server, "::", 80], name="six", host=link.server, ready=LogReady("^listening"), port=80
        )
        assert len(link.packets()) == 0
        with link.client.socket(socket.AF_INET6) as connection:
            await exchange(connection, link.server.address6, 80)
        without = await rig.link(name="four")
        with without.client.socket(socket.AF_INET6) as connection:
            assert connection.connect_ex(("::1", 80)) == errno.EADDRNOTAVAIL

    run(scratch, body)


def test_private_nginx_in_a_host(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nginx")

    async def body(rig: Rig) -> None:
        link = await rig.link(rtt_ms=4)
        nginx = await rig.start(
            nginx_service('location / { return 200 "hello"; }', host=link.server, port=80)
        )
        assert nginx.url == f"http://{link.server.address}:80"
        reader, writer = await asyncio.open_connection(sock=await connected(link.client.socket(), nginx))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"hello")
        writer.close()

    async def connected(connection: socket.socket, nginx: Any) -> socket.socket:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (nginx.address, nginx.port))
        return connection

    run(scratch, body)


def test_readiness_by_http_asks_inside_the_host(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        link = await rig.link(loss=1.0)
        command = [sys.executable, "-m", "http.server", "80"]
        await rig.start(command, name="web", host=link.server, port=80, ready=HttpReady())

    run(scratch, body)


def test_a_capture_is_written_where_the_rig_was_told(scratch: Path, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        link = await rig.link()
        udp = {"type": socket.SOCK_DGRAM}
        # Where nobody listens the kernel answers that nobody does, with a packet of its own.
        with link.server.socket(**udp) as server, link.client.socket(**udp) as client:
            server.bind((link.server.address, 9))
            client.sendto(b"x" * 100, (link.server.address, 9))
            assert server.recv(200) == b"x" * 100
            assert (await link.audit()).packets == 1

    ran = run(scratch, body, tmp_path)
    assert ran.packets == {}
    assert (tmp_path / "link.pcap").read_bytes().endswith(b"x" * 100)


def test_lateness_counts_from_the_moment_on_at_which_the_trial_measures(scratch: Path) -> None:
    events: list[Event] = []

    async def whole() -> None:
        plan = PlannedTrial(id="b001-t01", block=1, treatment={}, seed=7)
        trial = Trial(plan, scratch=scratch, cache=scratch / "cache", note=events.append)
        async with trial.rig as rig:
            link = await rig.link(rtt_ms=4)
            server = link.server
            echo: list[str | int] = [sys.executable, "-c", UDP, server.address, 9]
            await rig.start(echo, name="echo", host=server, port=9, ready=UdpReady())
            with link.client.socket(type=socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.connect((server.address, 9))
                for sent in range(1, 4):
                    await asyncio.get_running_loop().sock_sendall(client, b"x")
                    await asyncio.get_running_loop().sock_recv(client, 10)
                    if sent == 2:
                        opened = await link.audit()
                        trial.phase("measure")
                        trial.phase("settle")
                measured = await link.audit()
                # Entered again, it goes on: the trial has been measuring since.
                trial.phase("measure")
                assert (await link.audit()).scheduled == measured.scheduled
        assert (opened.since, opened.packets, opened.scheduled) == ("opening", 4, 4)
        assert (measured.since, measured.packets, measured.scheduled) == ("measuring", 6, 2)
        audits = [each for each in trial.history().events if (each.kind, each.name) == ("link", "audit")]
        assert [each.detail["since"] for each in audits] == ["measuring"]

    uvloop.run(whole())


def test_a_dead_forwarder_voids_the_trial_and_hides_nothing(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        link = await rig.link()
        assert link.plain.child_pid
        os.kill(link.plain.child_pid, 9)
        raise ZeroDivisionError("of the body")

    events: list[Event] = []

    async def whole() -> None:
        async with Rig(scratch, scratch, events.append) as rig:
            await body(rig)

    with pytest.raises(ZeroDivisionError):
        uvloop.run(whole())
    (audit,) = [event for event in events if event.kind == "link" and event.name == "audit"]
    assert "failed" in audit.detail
