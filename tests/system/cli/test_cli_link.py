"""`hinterland link` as a person uses it: real commands at both ends, and nothing left whatever happens."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import wait_until

from hinterland.rig.processes.supervision import is_running

pytestmark = pytest.mark.system

HINTERLAND = [sys.executable, "-m", "hinterland", "link"]
SERVER = (
    "import socket, sys\n"
    "listener = socket.create_server((sys.argv[1], 7000))\n"
    "while True:\n"
    "    connection, _ = listener.accept()\n"
    "    connection.sendall(b'hello')\n"
    "    connection.close()\n"
)
CLIENT = (
    "import socket, time\n"
    "began = time.monotonic()\n"
    "connection = socket.create_connection(('server', 7000), 2)\n"
    "data = connection.recv(100)\n"
    "print(data.decode(), (time.monotonic() - began) * 1000)\n"
)


@pytest.fixture(autouse=True)
def _link(require: Callable[[str], None]) -> None:
    require("capability:link")


def link(*words: str, timeout_s: float = 120.0, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HINTERLAND, *words], capture_output=True, text=True, timeout=timeout_s, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def server(tmp_path: Path) -> str:
    (tmp_path / "server.py").write_text(SERVER)
    return f"{sys.executable} {tmp_path / 'server.py'}"


def test_a_command_meets_a_server_across_the_delay(server: str) -> None:
    found = link("--rtt", "60ms", "--server", f"{server} 0.0.0.0", "--", sys.executable, "-c", CLIENT)
    assert found.returncode == 0, found.stderr
    data, took_ms = found.stdout.split()
    # A round trip to connect, then half of one: the server speaks at once.
    assert data == "hello"
    assert float(took_ms) >= 60
    assert "client 198.18.0.1" in found.stderr


def test_the_status_is_the_commands() -> None:
    assert link("--", "sh", "-c", "exit 7").returncode == 7
    assert link("--", "sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_json_is_alone_on_stdout() -> None:
    found = link("--rtt", "1ms", "--seed", "5", "--json", "--", "echo", "spoken")
    document = json.loads(found.stdout)
    assert (document["exit_status"], document["seed"], document["command"]) == (0, 5, "echo spoken")
    assert document["audit"]["unintended"] == {}
    assert "spoken" in found.stderr


def test_a_server_on_its_own_loopback_is_told_so(server: str) -> None:
    found = link("--server", f"{server} 127.0.0.1", "--wait", "1s", "--", "true")
    assert "127.0.0.1 port 7000 only" in found.stderr
    assert "0.0.0.0" in found.stderr


def test_a_server_that_ends_is_an_error_with_its_words() -> None:
    found = link("--server", f"{sys.executable} -c 'import sys; sys.exit(\"no luck\")'", "--", "true")
    assert found.returncode == 2
    assert "no luck" in found.stderr
    assert "ended with status 1" in found.stderr


def test_a_server_that_is_killed_is_told_by_the_signals_name() -> None:
    found = link("--server", "sh -c 'kill -9 $$'", "--", "true")
    assert found.returncode == 2
    assert "was ended by SIGKILL" in found.stderr


def test_a_server_may_become_a_daemon(server: str) -> None:
    far = f"sh -c 'setsid {server} 0.0.0.0 &'"
    found = link("--server", far, "--", sys.executable, "-c", CLIENT)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("hello")
    # It is not the command that left it running.
    assert "Ended" not in found.stderr


def test_a_server_that_breaks_under_the_command_is_told() -> None:
    breaks = (
        "import socket, sys\n"
        "listener = socket.create_server(('0.0.0.0', 7000))\n"
        "listener.accept()\n"
        "sys.exit(3)\n"
    )
    found = link(
        "--server",
        shlex.join([sys.executable, "-c", breaks]),
        "--",
        sys.executable,
        "-c",
        CLIENT + "assert data",
    )
    assert found.returncode == 1
    assert "The server ended with status 3 before the command was done" in found.stderr


def test_ctrl_c_is_the_commands_and_leaves_the_server_be(server: str, tmp_path: Path) -> None:
    command = (
        "import pathlib, signal, sys\n"
        "try:\n"
        "    pathlib.Path(sys.argv[1]).write_text('here\\n')\n"
        "    signal.pause()\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
    )
    asks = [sys.executable, "-c", command + CLIENT, str(tmp_path / "here")]
    process = subprocess.Popen(
        [*HINTERLAND, "--server", f"{server} 0.0.0.0", "--", *asks],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until((tmp_path / "here").exists)
    # As the terminal does it: to everyone in the foreground.
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.split()[:1]) == (0, ["hello"]), err


def test_the_proxy_carries_no_command() -> None:
    found = link("--", "true", env={**os.environ, "HINTERLAND_LINK_TIER": "proxy"})
    assert found.returncode == 64
    assert "carries only sockets" in found.stderr


def test_a_program_that_the_kernel_refuses_is_told_why(tmp_path: Path) -> None:
    for name, text in (("bare", "echo hello\n"), ("astray", "#!/no/such/interpreter\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    assert "A script says in its first line" in link("--", str(tmp_path / "bare")).stderr
    assert "what should run it" in link("--", str(tmp_path / "astray")).stderr


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    words = shlex.join([*HINTERLAND, "--", "true"])
    found = subprocess.run(
        ["sh", "-c", f"cd {tmp_path}/gone && rmdir ../gone && {words}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 64, found.stderr
    assert "is gone" in found.stderr


def test_a_full_disk_is_told_with_the_file() -> None:
    for option in ("--pcap", "--view"):
        found = link(option, "/dev/full", "--", "true")
        assert found.returncode == 69
        assert "/dev/full can't be written: No space left on device" in found.stderr


def test_a_capture_holds_more_than_a_page_and_says_where_it_ends(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "out = socket.socket(type=socket.SOCK_DGRAM)\n"
        "for _ in range(int(sys.argv[1])): out.sendto(b'x', ('server', 9))\n"
    )
    words = ["--up", "cut", "--pcap", str(tmp_path / "a"), "--", sys.executable, "-c", code]
    assert "\n5,000 packets in " in link(*words, "5000").stderr
    found = link(*words, "60000").stderr
    assert f"\n50,000 packets in {tmp_path / 'a'}, the first of " in found


def test_a_daemon_is_ended_with_the_link(tmp_path: Path) -> None:
    found = link("--", "sh", "-c", f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 300' & sleep 0.2")
    pid = int((tmp_path / "pid").read_text())
    assert "Ended 1 process" in found.stderr
    assert not is_running(pid)


def test_a_link_in_a_link_adds_its_delay_and_takes_other_addresses(server: str) -> None:
    inner = [
        *HINTERLAND,
        "--rtt",
        "40ms",
        "--server",
        f"{server} 0.0.0.0",
        "--",
        sys.executable,
        "-c",
        CLIENT,
    ]
    found = link("--rtt", "20ms", "--", *inner)
    assert found.returncode == 0, found.stderr
    assert "client 198.18.0.1" in found.stderr
    assert "client 198.18.1.1" in found.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "needs a command"),
        (("--loss", "2", "--", "true"), "loss=2 must be between 0 and 1"),
        (("--rate", "0mbit", "--", "true"), "rate_mbit=0 must be between"),
        (("--rate", "10MB", "--", "true"), "must be a rate in bits"),
        (("--shell", "--", "true"), "can't stand together"),
        (("--", "no-such-program"), "there is no such program"),
        (("--server", "'unclosed", "--", "true"), "No closing quotation"),
        (("--mtu", "10", "--", "true"), "mtu"),
        (("--congestion", "nosuch", "--", "true"), "congestion"),
        (("--up", "trace=/no/such", "--", "true"), "trace='/no/such' can't be read: No such file"),
        (("--pcap", "a", "--view", "./a", "--", "true"), "both write a"),
        (("--", ""), "the command is empty"),
        (("--", "./no-such-program"), "there is no such program"),
    ],
)
def test_what_can_not_be_is_said_without_a_traceback(words: tuple[str, ...], says: str) -> None:
    found = link(*words)
    assert found.returncode == 64, found.stderr
    assert says in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    # Two that would live on: one that deserted its session and one in front.
    command = (
        f"setsid sh -c 'echo $$ > {tmp_path}/a; exec sleep 300' & echo $$ > {tmp_path}/b; exec sleep 300"
    )
    process = subprocess.Popen([*HINTERLAND, "--", "sh", "-c", command], stderr=subprocess.DEVNULL)
    pids = [read_pid(tmp_path / name) for name in "ab"]
    if number == signal.SIGINT:
        # As the terminal does it: to everyone in the foreground.
        os.kill(pids[1], number)
    process.send_signal(number)
    process.wait(60)
    wait_until(lambda: not any(map(is_running, pids)))


def read_pid(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_the_packets_are_drawn_and_captured(server: str, tmp_path: Path) -> None:
    page, capture = tmp_path / "page.html", tmp_path / "packets.pcap"
    files = ["--view", str(page), "--pcap", str(capture)]
    far = ["--server", f"{server} 0.0.0.0", "--", sys.executable, "-c", CLIENT]
    found = link("--rtt", "20ms", *files, *far)
    assert found.returncode == 0, found.stderr
    text = page.read_text()
    assert "SYN, ACK" in text
    assert "1 RTT" in text
    # The magic number of a capture with nanoseconds, and raw IP packets in it.
    head = capture.read_bytes()[:24]
    assert head[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    assert int.from_bytes(head[20:24], "little" if head[0] == 0x4D else "big") == 101


def test_a_file_that_can_not_be_written_is_refused_before_the_command_runs(tmp_path: Path) -> None:
    found = link("--view", str(tmp_path / "no" / "such.html"), "--", "touch", str(tmp_path / "ran"))
    assert found.returncode == 69
    assert "can't be written" in found.stderr
    assert not (tmp_path / "ran").exists()
