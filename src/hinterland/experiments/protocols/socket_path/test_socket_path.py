"""Recorded trials give the outcome they must; real bytes lie where the lesson says that they lie."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hinterland.lab import Level, Unanswered
from hinterland.lab.testing import OneBlock, Rig, TrialResult, experiment_of

HERE = experiment_of(__file__)
BUSY = {"machine_quiet", "link_as_asked", "link_on_time"}
"""What a busy machine may break; the counts below hold all the same."""
EXPERIMENT_CODE: Any = HERE.source
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


def test_a_message_that_was_answered_and_is_not_in_the_journal_is_lost() -> None:
    kept = HERE.recorded.trial("none_lost_that_was_answered")
    kept["readings"]["journal"] = [entry for entry in kept["readings"]["journal"] if entry[0] != 7]
    assert [one.key for one in HERE.recorded.outcome(kept).findings] == ["message 7"]


def test_a_message_that_was_not_taken_for_done_is_not_lost() -> None:
    kept = HERE.recorded.trial("lost_after_send")
    for one in kept["operations"]:
        one.update(outcome="unknown", done_ns=-1)
    outcome = HERE.recorded.outcome(kept)
    assert (outcome.findings, outcome.tries["lost"]) == ((), 0)


def test_a_receiver_that_had_read_everything_was_not_killed_in_the_midst() -> None:
    kept = HERE.recorded.trial("lost_after_send")
    kept["readings"]["journal"] = [[int(one["key"]), 0] for one in kept["operations"]]
    assert HERE.recorded.broken(kept) == ["in_the_midst"]


def test_a_receiver_that_read_while_it_was_stopped_is_no_evidence() -> None:
    kept = HERE.recorded.trial("acknowledged_and_unread")
    kept["readings"]["journal"][-1][1] = kept["readings"]["then"]["at_ns"] - 1
    assert HERE.recorded.broken(kept) == ["stood_still"]


def test_a_message_that_never_arrived_is_no_evidence() -> None:
    kept = HERE.recorded.trial("both_buffers_full")
    kept["readings"]["journal"].pop()
    assert HERE.recorded.broken(kept) == ["everything_arrived"]


def test_an_old_kernel_that_does_not_tell_the_window_leaves_one_metric_out() -> None:
    kept = HERE.recorded.trial("both_buffers_full")
    kept["readings"]["then"]["window_bytes"] = None
    assert "window_packets" not in HERE.recorded.outcome(kept).metrics


class Crumbs(socket.socket):
    """A socket that gives three bytes at a time, however many have come."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(min(size, 3), flags)


@asynccontextmanager
async def sender_to(serve: Serve, kind: type[socket.socket] = socket.socket) -> AsyncIterator[Any]:
    """Yields a Sender of 100-byte messages to a server of this process."""
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        async with EXPERIMENT_CODE.Sender(kind(), address, 100) as sender:
            yield sender


def test_answers_that_come_in_pieces_are_put_together() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2 * 108)
        writer.write(struct.pack("!II", 1, 2))
        await reader.read()

    async def go() -> None:
        async with sender_to(serve, Crumbs) as sender, asyncio.timeout(60):
            await sender.write(1)
            await sender.write(2)
            await sender.until_answered(1)
            await sender.until_answered(2)

    asyncio.run(go())


def test_who_waits_for_an_answer_of_a_dead_receiver_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(108)
        writer.transport.abort()

    async def go() -> None:
        async with sender_to(serve) as sender, asyncio.timeout(60):
            await sender.write(1)
            with pytest.raises(Unanswered):
                await sender.until_answered(1)

    asyncio.run(go())


@pytest.mark.system
@pytest.mark.parametrize("program", ["receiver.py", "receiver.js"])
def test_a_receiver_reads_messages_however_they_are_cut(
    program: str, require: Callable[[str], None], tmp_path: Path
) -> None:
    require("capability:link")
    if program.endswith(".js"):
        require("program:node")
    journal = tmp_path / "journal.txt"
    messages = b"".join(
        struct.pack("!II", size, n) + bytes(size) for n, size in ((1, 0), (2, 5), (3, 70_000))
    )

    async def go() -> bytes:
        (tmp_path / "scratch").mkdir()
        async with Rig(tmp_path / "scratch", tmp_path, lambda event: None) as rig:
            # The programs listen on every address of their host: a host of a link has no others.
            link = await rig.link(rtt_ms=0)
            await rig.start(
                [HERE.folder / "systems" / program, 8080, journal],
                name="receiver",
                host=link.server,
                port=8080,
            )
            with link.client.socket() as sending:
                sending.settimeout(60)
                sending.connect((link.server.address, 8080))
                sending.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for place in range(20):
                    sending.sendall(messages[place : place + 1])
                sending.sendall(messages[20:])
                answers = b""
                while len(answers) < 12:
                    answers += sending.recv(100)
            return answers

    assert struct.unpack("!III", asyncio.run(go())) == (1, 2, 3)
    assert [line.split()[0] for line in journal.read_text().splitlines()] == ["1", "2", "3"]


@pytest.mark.system
def test_where_the_bytes_are(one_block: OneBlock) -> None:
    trials = one_block(HERE, "program:node")
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - BUSY
        assert not broken, one.outcome.assumptions

    def of(**levels: Any) -> list[TrialResult]:
        return [one for one in trials if levels.items() <= one.treatment.items()]

    for one in of(reader="paused", size_kb=400):
        seen = one.outcome.metrics
        assert seen["taken_kb"] < seen["buffers_kb"] < 400
        assert seen["taken_kb"] == pytest.approx(seen["here_kb"] + seen["there_kb"], rel=0.02)
        assert seen["window_packets"] == 1
        assert seen["read_kb"] == 0
    [small] = of(reader="paused", size_kb=8)
    assert small.outcome.metrics["acknowledged_kb"] == 8
    assert small.outcome.metrics["read_kb"] == 0
    [sent], [answered] = (
        of(reader="eager", size_kb=8, confirm="send"),
        of(reader="eager", size_kb=8, confirm="answer"),
    )
    assert sent.outcome.metrics["done_ms"] * 5 < answered.outcome.metrics["done_ms"]
    assert answered.outcome.metrics["done_ms"] > 50
    for one in of(reader="killed", confirm="answer"):
        assert one.outcome.metrics["lost"] == 0
    assert sum(one.outcome.metrics["lost"] for one in of(reader="killed", confirm="send")) > 0


@pytest.mark.system
def test_a_short_way_and_large_messages_tell_the_same(one_block: OneBlock) -> None:
    """Over 10 ms a delayed acknowledgement of 40 ms is no stall; 400 KiB are killed before they add up."""
    asked: dict[str, tuple[Level, ...]] = {
        "rtt_ms": (10,), "size_kb": (400,), "reader": ("paused", "killed"), "buffer_kb": (64,)
    }  # fmt: skip
    trials = one_block(HERE, "program:node", **asked)
    assert {one.treatment["reader"] for one in trials} == {"paused", "killed"}
    for one in trials:
        assert {each.id for each in one.outcome.assumptions if not each.held} <= BUSY
        if one.treatment["reader"] == "paused":
            assert one.outcome.metrics["window_packets"] == 1
        elif one.treatment["confirm"] == "answer":
            assert one.outcome.metrics["lost"] == 0
