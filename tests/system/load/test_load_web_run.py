"""Whole loads over the protocols of the web, by processes of their own: what they count and say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from lane_lab import plan_for
from misbehaving import Handler, answers, never_answers, refused_port, resets, served

from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Arrivals, Check, LoadPlan, RequestPlan, Weighted
from hinterland.load.result.result import LoadResult
from hinterland.rig.certificate import certificate
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import nginx

pytestmark = pytest.mark.system

WAYS: dict[str, dict[str, Any]] = {
    "keep_alive": {"protocol": "http1"},
    "new": {"protocol": "http1", "mode": "new"},
    "pipelining": {"protocol": "http1", "mode": "pipelining", "multiplexed": 4},
    "http2": {"protocol": "http2", "multiplexed": 10},
}
LOADS: dict[str, dict[str, Any]] = {
    "closed": {"model": "closed", "count": 300, "duration_s": 5.0},
    "open": {"arrivals": Arrivals(rate_per_s=500), "duration_s": 0.4},
}
SHORT: dict[str, Any] = {"connections": 2, "timeout_s": 0.3, "processes": 1, "duration_s": 0.2}


def run(folder: Path, use: Callable[[Rig], Awaitable[None]]) -> None:
    async def scenario() -> None:
        trial, cache = folder / "trial", folder / "cache"
        trial.mkdir()
        cache.mkdir()
        async with Rig(trial, cache, lambda event: None) as rig:
            await asyncio.wait_for(use(rig), 60)

    uvloop.run(scenario())


async def load_of(plan: LoadPlan) -> LoadResult:
    result = await run_load(plan)
    assert sum(result.errors.values()) + result.answered == result.operations
    assert result.response.missing == result.operations - result.answered
    return result


def test_every_way_of_the_web_answers_and_is_checked(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nginx")

    async def use(rig: Rig) -> None:
        own = certificate(scratch, ["localhost"])
        secret = f"ssl_certificate {own.path}; ssl_certificate_key {own.key_path};"
        ports = {(tls, h2): rig.free_port() for tls in (False, True) for h2 in (False, True)}
        listens = "".join(
            f"listen 127.0.0.1:{port} {'ssl' * tls} {'http2' * h2};" for (tls, h2), port in ports.items()
        )
        await rig.start(
            nginx(f'{listens} {secret} location / {{ add_header X-By nginx; return 200 "hello"; }}')
        )
        good = (Check(of="header", name="x-by", value="nginx"), Check(of="body", value="hello"))
        for way, options in WAYS.items():
            for tls in (False, True):
                port = ports[tls, options["protocol"] == "http2"]
                for checks in (good,) if tls else ((), good, (Check(of="body", value="other"),)):
                    plan = plan_for(
                        port, **{**LOADS["closed"], **options}, host="localhost", tls=tls,
                        ca_file=str(own.path) if tls else "", processes=1,
                        mix=(Weighted(requests=(RequestPlan(checks=checks),)),),
                    )  # fmt: skip
                    result = await load_of(plan)
                    fails = bool(checks) and checks != good
                    assert (result.operations, result.answered) == (300, 0 if fails else 300), (way, tls)
                    assert result.statuses == {"200": 300}
                    assert result.bytes_received > 300 * len("hello")
                    opened = 300 if way == "new" else plan.connections
                    assert result.connections_opened == opened, (way, tls)

    run(scratch, use)


@pytest.mark.parametrize(
    ("way", "model"), [("keep_alive", "open"), ("new", "closed"), ("pipelining", "closed"), ("http2", "open")]
)
def test_what_goes_wrong_is_counted_by_its_name(way: str, model: str) -> None:
    plan = {**LOADS[model], **WAYS[way], **SHORT, "count": 12 if model == "closed" else None}

    async def words(handler: Handler, **more: Any) -> set[str]:
        async with served(handler) as port:
            result = await load_of(plan_for(port, **{**plan, **more}))
        assert result.answered == 0
        return set(result.errors)

    async def scenario() -> None:
        with refused_port() as port:
            result = await load_of(plan_for(port, **plan))
        assert (set(result.errors), set(result.open_errors)) == ({"refused"}, {"refused"})
        stuck = {"stuck behind an answer that did not come", "unsent", "unfinished"}
        assert await words(never_answers) - stuck == {"timeout"}
        assert "reset" in await words(resets)
        garbage = await words(answers(b"garbage\r\n" * 5))
        assert "protocol" in garbage
        assert await words(answers(b"no TLS\r\n"), tls=True) - stuck == {"timeout"}

    uvloop.run(asyncio.wait_for(scenario(), 60))
