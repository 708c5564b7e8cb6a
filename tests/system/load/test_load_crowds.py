"""Crowds in several processes: what they open is one load, they come from several addresses, and they end."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from pathlib import Path

import numpy as np
import pytest

from hinterland.clients import sources
from hinterland.errors import SetupError
from hinterland.lab.crowd.crowds import Crowds

pytestmark = pytest.mark.system

REQUEST = b"hello\n"


async def visit(count: int, served: int, processes: int) -> tuple[Crowds, set[str], list[int]]:
    """Holds a crowd at a server that answers the first `served`; returns what it saw, and who stayed."""
    seen: set[str] = set()
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        seen.add(writer.get_extra_info("peername")[0])
        try:
            while line := await reader.readline():
                answered += 1
                if answered <= served:
                    writer.write(line)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    # It is at an end when all are served; else it waits for so long.
    patience_s = 60.0 if served >= count else 1.0
    port = server.sockets[0].getsockname()[1]
    crowd = Crowds("127.0.0.1", port, REQUEST, connections=count, processes=processes, patience_s=patience_s)
    async with server, crowd:
        stayed = [await crowd.served(), await crowd.served()]
    return crowd, seen, stayed


@pytest.mark.parametrize("processes", [1, 2])
def test_everybody_is_served(processes: int) -> None:
    crowd, seen, stayed = asyncio.run(visit(41, 41, processes))
    sample = crowd.sample()
    assert (stayed, len(sample.error), int(sample.error.sum())) == ([41, 41], 41, 0)
    assert np.all(sample.done_ns >= sample.sent_ns)
    assert np.all(np.diff(sample.intended_ns) >= 0)
    assert seen == {"127.0.0.1"}


def test_a_server_that_serves_five_leaves_the_rest_of_all_processes_waiting() -> None:
    crowd, _, stayed = asyncio.run(visit(40, 5, 2))
    sample = crowd.sample()
    assert stayed == [5, 5]
    assert np.count_nonzero(sample.done_ns == -1) == 35


@pytest.mark.parametrize("processes", [1, 2])
def test_more_connections_than_an_address_has_ports_come_from_several(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "local_ports", lambda: 50)
    _, seen, stayed = asyncio.run(visit(60, 60, processes))
    assert stayed == [60, 60]
    assert seen == {"127.0.1.1", "127.0.1.2", "127.0.1.3"}


def test_what_a_process_can_not_open_is_told_by_it() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    too_many = 2 * (hard if hard != resource.RLIM_INFINITY else 1 << 30)
    if too_many > 1 << 22:
        pytest.skip("this machine allows more open files than there are ports")

    async def scenario() -> None:
        async with Crowds("127.0.0.1", 1, REQUEST, connections=too_many, processes=2):
            pass

    with pytest.raises(SetupError, match="open files in one process; this machine allows"):
        asyncio.run(scenario())
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    assert not children()


def test_nothing_is_left_when_a_crowd_ends_by_an_error() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            crowd = Crowds("127.0.0.1", port, REQUEST, connections=4, processes=2, patience_s=0.05)
            async with crowd:
                assert children()
                raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(scenario())
    assert not children()


def children() -> list[str]:
    """Returns the parts of a crowd that are children of this process."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = [Path(f"/proc/{pid}/cmdline") for pid in found]
    return [text for line in lines if line.exists() and "crowd.part" in (text := line.read_text())]
