"""Who serves a port of this machine, and how busy they were."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hinterland.load.conductor.server_cpu import ServerCpu, serving

pytestmark = pytest.mark.system

SERVER = """
import os, socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
began = time.thread_time()
if sys.argv[1] == "thread":
    def work():
        while time.thread_time() < 0.4:
            pass
        print("done", flush=True)
        sys.stdin.readline()
        os._exit(0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
elif sys.argv[1] == "child":
    if os.fork() == 0:
        listener.close()
        while time.process_time() < 0.4:
            pass
        print("done", flush=True)
        sys.stdin.readline()
        os._exit(0)
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        os.killpg(process.pid, 9)
        process.communicate()


def say(process: subprocess.Popen[str], answers: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    for _ in range(answers):
        process.stdout.readline()


@pytest.mark.parametrize(
    ("server", "answers"), [("thread", 1), ("child", 2)], indirect=["server"], ids=["thread", "child"]
)
def test_the_busiest_thread_of_whoever_serves_is_found(
    server: tuple[subprocess.Popen[str], int], answers: int
) -> None:
    process, port = server
    assert process.pid in serving(port)
    began_s = time.monotonic()
    measured = ServerCpu(port)
    say(process, answers)
    share = measured.busiest_share()
    took_s = time.monotonic() - began_s
    assert share is not None
    # 0.4 s of work in a thread of its own, or in a child that does not listen.
    assert 0.3 / took_s < share <= 1.0


@pytest.mark.parametrize("server", ["idle"], indirect=True)
def test_an_idle_server_has_no_share(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    measured = ServerCpu(port)
    say(process, 1)
    began_s = time.monotonic()
    while time.monotonic() - began_s < 0.2:
        pass
    share = measured.busiest_share()
    assert share is not None
    assert share < 0.5


def test_a_port_that_nobody_serves_is_not_known() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert ServerCpu(port).busiest_share() is None
    assert serving(port) == set()
