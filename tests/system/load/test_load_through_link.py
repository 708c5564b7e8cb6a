"""A load from one end of a link to the other: the delay is in its figures, and it leads nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

import hinterland
from hinterland.errors import UsageError
from hinterland.load.capacity import find as capacity
from hinterland.rig.link.kernel.tiers import OVERRIDE
from hinterland.rig.link.link import Link

pytestmark = pytest.mark.system

SERVER = """
import asyncio, sys

async def serve(reader, writer):
    while True:
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")

async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", 8000)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def served(folder: Path) -> Iterator[Link]:
    """Yields a link of 20 ms with a server at one end."""
    script = folder / "server.py"
    script.write_text(SERVER)
    with hinterland.link(rtt_ms=20) as link:
        link.server.start([sys.executable, script], port=8000)
        yield link


@pytest.mark.parametrize("tier", ["", "proxy"])
def test_a_load_pays_the_links_round_trip(tmp_path: Path, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE, tier)
    with served(tmp_path) as link:
        found = hinterland.run_load(
            "http://server:8000/",
            rate=100,
            duration_s=1,
            connections=8,
            processes=2,
            through=link.client,
            store=tmp_path,
        )
    assert found.result.errors == {}
    assert found.result.statuses == {"204": 100}
    assert 0.020 <= found.percentile(0.5) < 0.2
    assert len(found.to_table()) == 100
    assert found.result.plan.target.host == "server"


def test_a_capacity_is_searched_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A search that never holds goes down to the rate that fills its longest probe: here to 20 a second.
    monkeypatch.setattr(capacity, "LONGEST_PROBE_S", 1.0)
    # Whether the generator had its core is not what is tested.
    monkeypatch.setattr(capacity, "judge", lambda result, **_: structs.replace(result.generator, faults=()))
    with served(tmp_path) as link:
        found = hinterland.find_capacity(
            "http://server:8000/", "p50 < 5ms", rate=50, duration_s=0.5, through=link.client, store=tmp_path
        )
    assert found.ended == "never_held", "no answer comes sooner than the link lets it"


def test_a_link_leads_to_its_own_hosts_and_to_no_other(tmp_path: Path) -> None:
    with served(tmp_path) as link:
        client = link.client
        with pytest.raises(UsageError, match="is no host of link"):
            hinterland.run_load(
                "http://127.0.0.1:8000/", rate=10, duration_s=1, through=client, store=tmp_path
            )
    with pytest.raises(UsageError, match="is closed"):
        hinterland.run_load("http://server:8000/", rate=10, duration_s=1, through=client, store=tmp_path)


def test_a_port_where_nobody_listens(tmp_path: Path) -> None:
    with served(tmp_path) as link:
        found = hinterland.run_load(
            "http://server:8001/", rate=20, duration_s=0.5, connections=2, through=link.client, store=tmp_path
        )
    assert found.result.errors == {"refused": 10}
