"""Recorded trials give the outcome they must; real ones show the order of the five ways of delivery."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import UNFINISHED, History, LoadSample
from hinterland.model.levels import treatments
from hinterland.runner import code
from hinterland.runner.judge import controlled, sides

FOLDER = Path(__file__).parent
RECORDED = sorted((FOLDER / "histories").glob("*.json"))
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; times were kept in whole microseconds, null where there was none."""
    kept = recorded["loads"]["deliveries"]
    times: dict[str, Any] = {
        f"{name}_ns": np.array([UNFINISHED if t is None else t * 1000 for t in kept[f"{name}_us"]], np.int64)
        for name in ("intended", "sent", "done")
    }
    sample = LoadSample(
        **times,
        status=np.zeros(len(kept["error"]), np.int16),
        error=np.array(kept["error"], np.int8),
        connection=np.array(kept["connection"], np.int32),
        start_ns=kept["start_us"] * 1000,
        end_ns=kept["end_us"] * 1000,
        loop=kept["loop"],
        errors=tuple(kept["errors"]),
    )
    return History(
        treatment=recorded["treatment"],
        seed=recorded["seed"],
        readings=recorded["readings"],
        loads={"deliveries": sample},
    )


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_history(file: Path) -> None:
    recorded = msgspec.json.decode(file.read_bytes())
    outcome, wanted = CODE.outcome(history(recorded["history"])), recorded["outcome"]
    assert outcome.metrics == pytest.approx(wanted["metrics"], rel=0.01, abs=0.002)
    assert [finding.key for finding in outcome.findings] == wanted["findings"]
    assert all(2 <= len(finding.witness) <= 5 for finding in outcome.findings)
    assert [each.id for each in outcome.assumptions if not each.held] == wanted["broken"]


def test_an_event_that_came_twice_is_no_evidence() -> None:
    recorded = msgspec.json.decode((FOLDER / "histories" / "streamed.json").read_bytes())["history"]
    recorded["readings"]["received"] += 1
    [once] = CODE.outcome(history(recorded)).assumptions
    assert not once.held
    assert "1 of them twice" in once.measured


def test_only_who_can_not_be_called_may_miss_an_event() -> None:
    recorded = msgspec.json.decode((FOLDER / "histories" / "half_shut_out.json").read_bytes())["history"]
    shut_out = CODE.outcome(history(recorded))
    assert shut_out.tries["missed"] == len(shut_out.findings) == 60
    assert shut_out.assumptions[0].held
    deliveries = recorded["loads"]["deliveries"]
    deliveries["done_us"][deliveries["connection"].index(4)] = None
    recorded["readings"]["received"] -= 1
    assert not CODE.outcome(history(recorded)).assumptions[0].held
    recorded["readings"]["gone"] = ["the server closed the connection"]
    assert "a client stopped: the server closed" in CODE.outcome(history(recorded)).assumptions[0].measured


def test_a_webhook_is_tried_until_it_is_taken_and_events_stay_in_order() -> None:
    webhooks = runpy.run_path(str(FOLDER / "systems" / "webhooks.py"))
    answers = iter(["500 Oops", "", "204 No Content", "204 No Content"])
    came: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                came.append((await reader.readexactly(length)).decode())
                if not (status := next(answers)):
                    break
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async def scenario() -> None:
        all_had, asked = asyncio.Event(), []

        async def news(number: int) -> list[str]:
            asked.append(number)
            if number < 2:
                return ["first", "second"][number:]
            all_had.set()
            return await asyncio.Future()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, asyncio.timeout(5):
            delivering = asyncio.create_task(
                webhooks["deliver"](f"http://127.0.0.1:{port}/me", news, after=0)
            )
            await all_had.wait()
            delivering.cancel()
        assert asked == [0, 2]

    asyncio.run(scenario())
    assert came == ["first", "first", "first", "second"]


@pytest.mark.parametrize("claim", EXPERIMENT.claim, ids=lambda claim: claim.id)
def test_the_default_design_runs_both_a_claim_and_its_control(claim: Any) -> None:
    planned = treatments(EXPERIMENT, {})
    form = CODE.claims[claim.id]
    for side in (*sides(form), *sides(controlled(form))):
        assert any(side.items() <= treatment.items() for treatment in planned), side


@pytest.mark.system
def test_every_way_delivers_each_event_once_at_its_own_price(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in ("python:starlette", "python:uvicorn", "python:websockets"):
        require(need)
    trials = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    seen: dict[tuple[Any, ...], dict[str, float]] = {}
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - {"machine_quiet"}
        assert not broken, one.outcome.assumptions
        levels = one.treatment
        if levels["doors"] == "half_shut":
            # 15 clients behind a shut door, 4 events.
            lost = 60 if levels["variant"] == "webhook" else 0
            assert one.outcome.metrics["missed"] == len(one.outcome.findings) == lost
            continue
        assert set(one.outcome.metrics) == set(EXPERIMENT.metric)
        assert one.outcome.metrics["connections_per_client"] == (2 if levels["variant"] == "webhook" else 1)
        seen[levels["variant"], levels["interval_ms"], levels["event_rate"]] = one.outcome.metrics
    events = 4
    for interval_ms in (500, 10):
        assert seen["sse", interval_ms, 5]["requests_per_event"] == 1 / events
        assert seen["websocket", interval_ms, 5]["requests_per_event"] == 1 / events
        assert seen["webhook", interval_ms, 5]["requests_per_event"] == (events + 1) / events
        assert 1 < seen["long_polling", interval_ms, 5]["requests_per_event"] <= (events + 1) / events
    lazy, eager = seen["short_polling", 500, 5], seen["short_polling", 10, 5]
    assert 150 < lazy["latency_p50_ms"] < 350
    assert eager["requests_per_event"] > 10 * lazy["requests_per_event"]
    assert eager["latency_p50_ms"] < lazy["latency_p50_ms"] / 5
    assert seen["short_polling", 10, 100]["requests_per_event"] < eager["requests_per_event"] / 5
