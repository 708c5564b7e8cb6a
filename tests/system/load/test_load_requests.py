"""Mixes, chains, data and scenarios in whole loads: processes of their own, a real server that remembers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from load_lab import at, drive, plan, told_one_story
from misbehaving import served

from hinterland.errors import UsageError
from hinterland.load.conductor.run import run_load
from hinterland.load.plan.notation import parse_check, parse_extract
from hinterland.load.plan.plan import Data, RequestPlan, Weighted
from hinterland.load.result.result import LoadResult

pytestmark = pytest.mark.system


class Shop:
    """Gives each login a token, and knows which tokens it gave. Every tenth login has none."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        self.asked: list[tuple[str, str, bytes]] = []
        self.strangers = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            method, path, _ = head.split("\r\n")[0].split(" ")
            self.asked.append((method, path, body))
            content = b"{}"
            if path == "/login":
                number = sum(asked == "/login" for _, asked, _ in self.asked)
                token = f"t/{number}" if number % 10 else ""
                self.given.add(token)
                content = json.dumps({"token": token}).encode()
            elif "authorization" in headers:
                self.strangers += headers["authorization"].removeprefix("bearer ") not in self.given
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))


def load(shop: Shop, **options: Any) -> LoadResult:
    async def scenario() -> LoadResult:
        async with served(shop) as port:
            return await run_load(plan(port, **options))

    result: LoadResult = drive(scenario)
    told_one_story(result)
    return result


CHAIN = Weighted(
    weight=1,
    requests=(
        RequestPlan(
            method="POST",
            path="/login",
            body='{"user": "{user}", "id": "{id}"}',
            extracts=(parse_extract("token=json:token"),),
        ),
        RequestPlan(path="/orders/{token}", name="orders", headers=(("Authorization", "Bearer {token}"),)),
    ),
)
BROWSE = Weighted(weight=3, requests=(RequestPlan(path="/items/{key}", checks=(parse_check("length = 3"),)),))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_mix_with_a_chain_over_several_processes(tmp_path: Path, processes: int) -> None:
    (tmp_path / "users.csv").write_text("user\n" + "".join(f'"u, {n}"\n' for n in range(7)))
    shop = Shop()
    result = load(
        shop,
        mix=(CHAIN, BROWSE),
        data=Data(rows=str(tmp_path / "users.csv"), keys=5, zipf=1.0),
        arrivals=at(400),
        duration_s=0.5,
        processes=processes,
        seed=3,
    )

    kinds = {kind.name: kind for kind in result.kinds}
    logins, orders, items = (kinds[name] for name in ("POST /login", "orders", "GET /items/{key}"))
    assert logins.operations + items.operations == 200
    assert 30 <= logins.operations <= 70
    # A login without a token is an answer that is not good, and ends its visit.
    assert logins.errors == {"extract token": logins.operations // 10}
    assert orders.operations == orders.answered == logins.answered
    assert items.errors == {"check length = 3": items.operations}
    assert shop.strangers == 0
    paths = Counter(path for method, path, _ in shop.asked if method == "GET")
    assert sum(count for path, count in paths.items() if path.startswith("/orders/t%2F")) == orders.operations
    assert {path for path in paths if path.startswith("/items")} <= {f"/items/{n}" for n in range(1, 6)}
    bodies = [json.loads(body) for _, path, body in shop.asked if path == "/login"]
    assert len({body["id"] for body in bodies}) == len(bodies)
    assert {body["user"] for body in bodies} <= {f"u, {n}" for n in range(7)}


def test_the_same_seed_sends_the_same_requests_from_any_number_of_processes() -> None:
    def asked(processes: int) -> Counter[tuple[str, str, bytes]]:
        shop = Shop()
        mix = (
            Weighted(requests=(RequestPlan(path="/a/{key}/{uuid}/{random:1:99}"),)),
            Weighted(weight=0.3, requests=(RequestPlan(method="POST", path="/b", body="{visit} {id}"),)),
        )
        load(shop, mix=mix, processes=processes, seed=11, arrivals=at(400), duration_s=0.25)
        return Counter(shop.asked)

    assert asked(1) == asked(3)


def test_a_scenario_in_processes_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(
        "async def visit(client):\n"
        "    print('this must not come between the frames')\n"
        "    answer = await client.post('/login', json={'n': client.visit})\n"
        "    token = answer.json()['token']\n"
        "    assert token, 'no token'\n"
        "    await client.get(f'/orders/{token[2:]}', name='orders', headers={'Authorization': token})\n"
    )
    shop = Shop()
    result = load(shop, scenario=str(file), arrivals=at(200), duration_s=0.5, processes=2)

    kinds = {kind.name: kind for kind in result.kinds}
    assert kinds["POST /login"].operations == 100
    assert kinds["POST /login"].errors == {"AssertionError in line 5": 10}
    assert kinds["orders"].operations == kinds["orders"].answered == 90
    assert shop.strangers == 0
    assert sorted(json.loads(body)["n"] for _, path, body in shop.asked if path == "/login") == [*range(100)]
    assert "AssertionError: no token" in result.first_exception


def test_what_can_not_be_sent_is_the_persons_to_mend(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("async def visit(client:\n")

    for options, says in (
        ({"mix": (Weighted(requests=(RequestPlan(path="/{nothing}"),)),)}, "is not known"),
        ({"scenario": str(tmp_path / "broken.py")}, r"broken\.py:1: "),
    ):
        with pytest.raises(UsageError, match=says):
            load(Shop(), **options)
