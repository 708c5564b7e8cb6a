"""How a crowd is divided, and how its parts become one load."""

from __future__ import annotations

import resource

import pytest

from hinterland.lab.crowd.crowds import merged, processes_for
from hinterland.lab.crowd.part import Opened


def limited(monkeypatch: pytest.MonkeyPatch, highest: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, highest))


def test_so_many_processes_as_files_and_connections_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 20_000)
    assert [processes_for(n) for n in (1, 12_500, 12_501, 50_000)] == [1, 1, 2, 4]
    limited(monkeypatch, 1_200)
    assert [processes_for(n) for n in (1_000, 1_001, 10_000)] == [1, 2, 10]
    limited(monkeypatch, resource.RLIM_INFINITY)
    assert processes_for(50_000) == 4


def test_parts_become_one_load_in_the_order_of_their_beginning() -> None:
    one = Opened([10, 30, -1], [20, -1, -1], [0, 1, 1], 10, 60)
    other = Opened([5, 40], [50, 45], [4, 0], 5, 70)
    sample = merged([one, other])
    assert sample.sent_ns.tolist() == [5, 10, 30, 40, -1]
    assert sample.done_ns.tolist() == [50, 20, -1, 45, -1]
    assert sample.error.tolist() == [4, 0, 1, 0, 1]
    assert sample.intended_ns.tolist() == [5, 10, 30, 40, 70]
    assert (sample.start_ns, sample.end_ns, sample.loop) == (5, 70, "closed")
