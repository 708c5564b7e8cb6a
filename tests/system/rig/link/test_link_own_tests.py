"""Links in people's own tests: `hinterland.link` and the pytest fixture."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hinterland
from hinterland.errors import InternalError, SystemFailure, UsageError
from hinterland.rig.link.listeners import listeners
from hinterland.rig.processes.process_table import children_of
from hinterland.rig.processes.supervision import is_running

pytestmark = pytest.mark.system

ECHO = (
    "import socket\n"
    "listener = socket.create_server(('0.0.0.0', 7000))\n"
    "while True:\n"
    "    connection, _ = listener.accept()\n"
    "    while data := connection.recv(100):\n"
    "        connection.sendall(data)\n"
)
ASK = (
    "import os, socket\n"
    "connection = socket.create_connection((os.environ['HINTERLAND_SERVER'], 7000), 5)\n"
    "connection.sendall(b'anyone?')\n"
    "print(connection.recv(100).decode(), socket.gethostbyname('client'))\n"
)
CONNECT = (
    "import socket, time\n"
    "took_s = []\n"
    "for _ in range(5):\n"
    "    began = time.monotonic()\n"
    "    socket.create_connection(('server', 7000)).close()\n"
    "    took_s.append(time.monotonic() - began)\n"
    "print(min(took_s))\n"
)


@pytest.fixture(autouse=True)
def _link(require: Callable[[str], None]) -> None:
    require("capability:link")


def start_echo(link: hinterland.Link) -> subprocess.Popen[str]:
    return link.server.start([sys.executable, "-c", ECHO], port=7000)


def test_the_fixture_opens_links_with_programs_in_their_hosts(
    hinterland_link: Callable[..., hinterland.Link],
) -> None:
    link = hinterland_link(rtt_ms=20)
    server = start_echo(link)
    found = link.client.run([sys.executable, "-c", ASK])
    assert (found.returncode, found.stdout) == (0, f"anyone? {link.client.address}\n"), found.stderr
    assert [(each.transport, each.port) for each in listeners(server.pid)] == [("tcp", 7000)]


def test_a_socket_of_this_process_feels_the_delay() -> None:
    with hinterland.link(rtt_ms=40) as link:
        start_echo(link)
        with link.client.socket() as connection:
            began = time.monotonic()
            connection.connect((link.server.address, 7000))
            connected_s = time.monotonic() - began
            connection.sendall(b"ping")
            assert connection.recv(100) == b"ping"
            answered_s = time.monotonic() - began
    assert connected_s >= 0.040
    assert answered_s >= 0.080


def test_leaving_ends_what_was_started_and_what_that_started() -> None:
    with hinterland.link() as link:
        parent = link.client.start(
            ["sh", "-c", "setsid sleep 300 & echo $!; exec sleep 300"], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        daemon = int(parent.stdout.readline())
        assert is_running(daemon)
    assert not is_running(daemon)
    parent.wait(60)


def test_a_program_that_takes_too_long_is_ended() -> None:
    with hinterland.link() as link, pytest.raises(subprocess.TimeoutExpired):
        link.client.run(["sleep", "300"], timeout_s=0.2)


def test_a_program_that_is_not_there_is_the_persons_mistake() -> None:
    with hinterland.link() as link, pytest.raises(UsageError, match="no such program"):
        link.client.run(["no-such-program"])


def test_a_closed_folder_on_the_path_is_not_taken_for_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As root no folder is closed; a file in place of one is refused in the same way.
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.setenv("PATH", f"{tmp_path / 'file'}:{tmp_path / 'closed'}:{os.environ['PATH']}")
    with hinterland.link() as link, pytest.raises(UsageError, match="no such program"):
        link.client.run(["no-such-program"])


def test_the_star_joins_named_hosts() -> None:
    slow = hinterland.HostLink(up=hinterland.Shape(delay_ms=20), down=hinterland.Shape(delay_ms=20))
    with hinterland.star({"a": slow, "b": hinterland.HostLink(), "server": slow}) as link:
        start_echo(link)
        took_s = {name: float(link[name].run([sys.executable, "-c", CONNECT]).stdout) for name in ("a", "b")}
    assert took_s["a"] >= 0.080
    assert 0.040 <= took_s["b"] < took_s["a"]


def test_a_program_that_does_not_listen_there_is_told_and_ended() -> None:
    with hinterland.link() as link:
        alone = ECHO.replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(SystemFailure, match=r"on 127\.0\.0\.1 alone"):
            link.server.start([sys.executable, "-c", alone], port=7000, patience_s=1)
        with pytest.raises(SystemFailure, match=r"not on port 7001 after 0\.5 s"):
            link.server.start([sys.executable, "-c", ECHO], port=7001, patience_s=0.5)
        with pytest.raises(SystemFailure, match="ended with status 3 before it listened"):
            link.server.start(["sh", "-c", "exit 3"], port=7000)
        assert link.clear() == 0


def test_a_closed_link_starts_nothing_beside_it() -> None:
    with hinterland.link() as link:
        client = link.client
    for asked in (lambda: client.run(["true"]), client.socket, link.partition, link.audit):
        with pytest.raises(UsageError, match="not open"):
            asked()
    with pytest.raises(UsageError, match="not open"):
        _ = hinterland.link().client


def test_run_takes_what_subprocess_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path)
    with hinterland.link() as link:
        assert link.client.run(["cat"], input="given").stdout == "given"
        assert link.client.run("echo $A", shell=True, env={"A": "one"}).stdout == "one\n"
        assert link.client.run(["pwd"], cwd="inner").stdout == f"{tmp_path / 'inner'}\n"
        with pytest.raises(subprocess.CalledProcessError):
            link.client.run(["false"], check=True)
        with pytest.raises(UsageError, match="must be a list of words"):
            link.client.run("echo hello")
        with pytest.raises(UsageError, match="no such folder"):
            link.client.run(["true"], cwd="/no/such/folder")


@pytest.mark.parametrize(
    "asked",
    [
        {"rtt_ms": "50ms"},
        {"mtu": "1500"},
        {"seed": "one"},
        {"up": {"loss": 0.1}},
        {"client": {"initcwnd": 4}},
        {"name": "a/b"},
        {"up": hinterland.Shape(trace="/no/such")},
    ],
)
def test_a_value_of_another_kind_is_the_persons_mistake(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        hinterland.link(**asked)


def test_a_change_that_the_forwarder_refuses_leaves_the_link_as_it_was(tmp_path: Path) -> None:
    with hinterland.link(rtt_ms=1) as link:
        with pytest.raises(UsageError, match="can't be read"):
            link.change(trace="/no/such")
        assert link.shapes["client"][0].trace is None
        with pytest.raises(UsageError, match="keeps no packets"):
            link.write_pcap(tmp_path / "a.pcap")


def test_a_trace_is_found_from_the_folder_of_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trace").write_text("1\n2\n")
    monkeypatch.chdir(tmp_path)
    with hinterland.link(up=hinterland.Shape(trace="trace")) as link:
        start_echo(link)
        assert link.client.run([sys.executable, "-c", ASK]).returncode == 0
        link.change(up=hinterland.Shape(), down=hinterland.Shape(trace="trace"))
        assert link.client.run([sys.executable, "-c", ASK]).returncode == 0


@pytest.mark.filterwarnings("error")
def test_programs_that_nobody_waits_for_are_no_zombies_afterwards() -> None:
    with warnings.catch_warnings():
        # What earlier tests left to the collector is theirs.
        warnings.simplefilter("ignore")
        gc.collect()
    with hinterland.link() as link:
        pids = [link.server.start(["sleep", "300"]).pid for _ in range(3)]
        ended = link.client.start(["true"])
    assert ended.returncode is not None
    assert not set(pids) & set(children_of(os.getpid()))
    gc.collect()


def test_threads_may_ask_at_once() -> None:
    with hinterland.link() as link, ThreadPoolExecutor(8) as threads:
        for made in threads.map(lambda _: link.client.socket(), range(200)):
            made.close()
        assert {each.packets for each in threads.map(lambda _: link.audit(), range(50))} == {0}


def test_a_link_that_a_thread_opened_outlives_the_thread() -> None:
    with ThreadPoolExecutor(1) as threads:
        link = threads.submit(lambda: hinterland.link().open()).result()
        server = threads.submit(lambda: start_echo(link)).result()
    with link:
        assert link.client.run([sys.executable, "-c", ASK]).returncode == 0
        assert server.poll() is None
    server.wait(60)


def test_a_copy_of_this_process_neither_keeps_nor_ends_the_link() -> None:
    with hinterland.link() as link:
        start_echo(link)
        leaving = os.fork()
        if not leaving:
            link.close()
            os._exit(0)
        os.waitpid(leaving, 0)
        assert link.client.run([sys.executable, "-c", ASK]).returncode == 0
        staying = os.fork()
        if not staying:
            signal.pause()
            os._exit(0)
        began = time.monotonic()
    took_s = time.monotonic() - began
    os.kill(staying, signal.SIGKILL)
    os.waitpid(staying, 0)
    # While the copy held the other end's conversation open, closing waited for 10 s.
    assert took_s < 5


def test_what_was_started_on_the_proxy_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINTERLAND_LINK_TIER", "proxy")
    with hinterland.link(rtt_ms=20) as link:
        parent = link.server.start(
            ["sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        server = link.server.start(
            [sys.executable, "-c", ECHO.replace("0.0.0.0", link.server.address)], port=7000
        )
        with link.client.socket() as connection:
            began = time.monotonic()
            connection.connect((link.server.address, 7000))
            connection.sendall(b"ping")
            assert connection.recv(100) == b"ping"
            assert time.monotonic() - began >= 0.020
    assert not is_running(child)
    assert server.poll() is not None
    parent.stdout.close()


def test_what_is_in_the_hosts_ends_though_the_links_process_was_killed() -> None:
    with hinterland.link() as link:
        started = link.client.run(["sh", "-c", "setsid sleep 300 >&- 2>&- & echo $!"])
        daemon = int(started.stdout)
        os.kill(link.child_pid, signal.SIGKILL)
        with pytest.raises(InternalError, match="does not answer"):
            link.clear()
    assert not is_running(daemon)
