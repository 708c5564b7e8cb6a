"""Recorded trials give the outcome they must; real servers are all limited by the same kernel."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland.lab import connections
from hinterland.lab.testing import OneBlock, Rig, TrialResult, experiment_of, packets

HERE = experiment_of(__file__)
MODULE = HERE.source
BUSY = {"machine_quiet", "link_as_asked", "link_on_time"}
"""What a busy machine may break; the counts below hold all the same."""


@pytest.mark.parametrize("change", [-1, 1])
def test_one_connection_more_or_less_is_seen(change: int) -> None:
    kept = HERE.recorded.trial("nine_of_twenty")
    inside = kept["readings"]["server"]["established"]
    kept["readings"]["server"]["established"] = inside[:-1] if change < 0 else [*inside, 1]
    outcome = HERE.recorded.outcome(kept)
    assert [one.says for one in outcome.findings if one.kind == "miscounted"] == [
        f"{9 + change} connections are completed, the formula gives 9"
    ]


def test_a_client_whose_connection_the_server_lost_is_a_phantom() -> None:
    kept = HERE.recorded.trial("nine_of_twenty")
    port = kept["readings"]["server"]["established"].pop()
    outcome = HERE.recorded.outcome(kept)
    [phantom] = [one for one in outcome.findings if one.kind == "phantom"]
    assert f"port {port}" in phantom.witness[-1].says


def test_a_client_who_is_connected_after_the_look_is_no_phantom() -> None:
    kept = HERE.recorded.trial("nine_of_twenty")
    late = [one for one in kept["operations"] if one["kind"] == "connect" and one["done_ns"] > 900_000_000]
    assert len(late) == 11
    assert HERE.recorded.outcome(kept).metrics["phantoms"] == 0


def test_clients_who_came_one_by_one_are_no_burst() -> None:
    kept = HERE.recorded.trial("promised_to_all")
    for place, one in enumerate(kept["operations"]):
        one["sent_ns"] += 2_000_000 * place
    outcome = HERE.recorded.outcome(kept)
    assert "on_their_way_together" in [each.id for each in outcome.assumptions if not each.held]


@pytest.mark.parametrize(("syn_there_us", "late"), [(5_000, 0), (40_000, 1)])
def test_a_burst_that_the_link_tore_apart_is_no_burst(syn_there_us: int, late: int) -> None:
    log = packets(
        [
            ["client", 0, 5_000, 60, "delivered"],
            ["client", 100, syn_there_us, 60, "delivered"],
            ["server", 5_000, 10_000, 60, "delivered"],
            ["client", 10_000, 15_000, 52, "delivered"],
            ["client", 1_000_100, 1_005_000, 60, "delivered"],
        ]
    )
    log.head[:, 21] = [1, 2, 0, 1, 2]
    log.head[:, 33] = [0x02, 0x02, 0x12, 0x10, 0x02]
    assert MODULE.late_syns(log, 0) == late


def test_a_program_that_never_answered_is_no_evidence() -> None:
    kept = HERE.recorded.trial("capped_by_the_host")
    for one in kept["operations"]:
        if one["kind"] == "visit":
            one["outcome"] = "unknown"
    assert HERE.recorded.broken(kept) == ["served"]


def test_a_program_that_does_not_come_back_is_no_evidence() -> None:
    kept = HERE.recorded.trial("nine_of_twenty")
    kept["operations"] = [
        {**one, "outcome": "unknown"} if one["kind"] == "ask" else one for one in kept["operations"]
    ]
    assert HERE.recorded.broken(kept) == ["served"]


def test_who_never_got_an_answer_has_no_wait() -> None:
    kept = HERE.recorded.trial("nine_of_twenty")
    last = max((one for one in kept["operations"] if one["kind"] == "connect"), key=lambda one: one["client"])
    last.update(outcome="unknown", done_ns=-1, error="timeout")
    assert "last_ms" not in HERE.recorded.outcome(kept).metrics


def test_a_stall_of_some_of_the_last_is_no_longer_wait() -> None:
    kept = HERE.recorded.trial("nobody_listens")
    knocks = sorted(
        (one for one in kept["operations"] if one["kind"] == "connect"), key=lambda one: one["client"]
    )
    for one in knocks[-7:]:
        one["done_ns"] += 80_000_000
    assert HERE.recorded.outcome(kept).metrics["last_ms"] < 12


@pytest.fixture(scope="module")
def trials(one_block: OneBlock) -> tuple[TrialResult, ...]:
    """One real block of the default design."""
    return one_block(HERE, "program:node", "service:nginx")


def metrics(trials: tuple[TrialResult, ...], **levels: Any) -> dict[str, float]:
    """Returns what the trial with these levels measured: a burst that was torn apart was run once more."""
    found = [one for one in trials if levels.items() <= one.treatment.items() and one.status == "done"]
    if not found and levels["arrival"] == "together":
        pytest.skip("the machine tore every burst apart")
    return found[-1].outcome.metrics


@pytest.mark.system
def test_the_kernel_decides_and_no_program(trials: tuple[TrialResult, ...]) -> None:
    for one in trials:
        # A burst may be torn apart on a busy machine; then its trial says so, and is left out here.
        broken = {each.id for each in one.outcome.assumptions if not each.held} - BUSY
        assert broken <= {"on_their_way_together"}
        if broken or one.treatment["acceptor"] != "stopped":
            continue
        room = min(int(one.treatment["backlog"]), int(one.treatment["somaxconn"])) + 1
        assert one.outcome.metrics["completed"] == min(room, 48), one.treatment
        if one.treatment["arrival"] == "in_turn":
            assert one.outcome.metrics["phantoms"] == one.outcome.metrics["told_no"] == 0, one.treatment


@pytest.mark.system
def test_who_hears_what(trials: tuple[TrialResult, ...]) -> None:
    usual = {"arrival": "in_turn", "when_full": "drop", "somaxconn": 4096, "variant": "python"}
    full = metrics(trials, **usual, backlog=8, acceptor="stopped", comes_back=True)
    roomy = metrics(trials, **usual, backlog=511, acceptor="stopped", comes_back=True)
    gone = metrics(trials, **usual, acceptor="gone")
    prompt = metrics(trials, **usual, acceptor="prompt")
    assert full["last_ms"] > 900 > roomy["last_ms"]
    assert full["overflows"] >= 39
    assert gone["told_no"] == 48
    assert gone["last_ms"] < 500
    assert prompt["completed"] > 9
    assert metrics(trials, arrival="in_turn", when_full="abort")["told_no"] == 0
    promised = metrics(trials, arrival="together", when_full="drop", syncookies=1)
    assert promised["believed"] > metrics(trials, arrival="together", syncookies=0)["believed"] > 9
    assert promised["phantoms"] > 9
    assert metrics(trials, arrival="together", when_full="abort")["told_no"] >= 1


@pytest.mark.system
def test_a_client_of_a_burst_who_waits_for_the_first_word_waits_in_vain(
    require: Callable[[str], None], tmp_path: Path
) -> None:
    """Those who ask are in at last, once the program is back; those who say nothing never are."""
    require("capability:link")

    async def go() -> tuple[set[int], list[int], list[int]]:
        (tmp_path / "scratch").mkdir()
        async with Rig(tmp_path / "scratch", tmp_path, lambda event: None) as rig:
            link = await rig.link(rtt_ms=20)
            program = HERE.folder / "systems" / "server.py"
            server = await rig.start([program, 8080, 8], name="server", host=link.server, port=8080)
            await rig.pause(server)
            loop = asyncio.get_running_loop()
            clients = [link.client.socket() for _ in range(40)]
            for each in clients:
                each.setblocking(False)
            async with asyncio.timeout(60):
                await asyncio.gather(
                    *(loop.sock_connect(each, (link.server.address, 8080)) for each in clients)
                )
            await rig.resume(server)
            asking, silent = clients[::2], clients[1::2]

            async def ask(client: socket.socket) -> bytes:
                await loop.sock_sendall(client, b"GET / HTTP/1.1\r\n\r\n")
                return await loop.sock_recv(client, 100)

            # A request is sent again with growing pauses, and the silent ones wait as long as that takes.
            async with asyncio.timeout(60):
                assert all(await asyncio.gather(*(ask(each) for each in asking)))
            inside = {each.peer_port for each in connections(server.pid) if each.state == "established"}
            ports = [[each.getsockname()[1] for each in some] for some in (asking, silent)]
            for each in clients:
                each.close()
            return inside, ports[0], ports[1]

    inside, asked, silent = asyncio.run(go())
    assert set(asked) <= inside
    assert len(inside - set(asked)) <= 9
    assert len(set(silent) - inside) >= 11
