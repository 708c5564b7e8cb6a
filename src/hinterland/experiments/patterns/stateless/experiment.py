"""Visitors fill a cart, a server restarts or one more comes, and each visitor is asked for the cart again."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from hinterland.lab import (
    Assumption,
    Finding,
    History,
    HttpClient,
    Operation,
    Outcome,
    Planned,
    Process,
    Response,
    Trial,
    WitnessEvent,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST = "127.0.0.1"
VISITORS, AT_ONCE, SERVERS = 60, 8, 3
KINDS = {"shared_session": "redis", "token": "token"}
SECRET = "known to all servers of this shop"


async def trial(t: Trial) -> None:
    t.phase("prepare")
    kind = KINDS.get(t["variant"], "memory")
    more: list[Any] = {"redis": [], "token": [SECRET]}.get(kind, [])
    if kind == "redis":
        more = [(await t.rig.redis()).port]

    async def start(number: int) -> Process:
        name, port = f"app-{number}", t.rig.free_port()
        return await t.rig.start([SYSTEMS / "app.py", port, name, kind, *more], name=name, port=port)

    apps = list(await asyncio.gather(*(start(number + 1) for number in range(SERVERS))))
    visitors = [Visitor(number, t) for number in range(VISITORS)]
    t.phase("measure")
    port = await proxy(t, apps)
    await everybody(t, visitors, port, "login")
    await everybody(t, visitors, port, "add", "tea")
    if t["event"] == "restart":
        await t.rig.kill(apps[0])
        await apps[0].restart()
    elif t["event"] == "scale_out":
        apps.append(await start(SERVERS + 1))
        # The proxy is started anew with the longer list. All it knows is in its configuration and in cookies.
        port = await proxy(t, apps)
    await everybody(t, visitors, port, "show")
    await everybody(t, visitors, port, "logout")
    await everybody(t, visitors, port, "show_a_copy")


async def proxy(t: Trial, apps: list[Process]) -> int:
    """Starts the proxy before these servers, and returns its port."""
    if t["variant"] == "haproxy_cookie":
        servers = "\n".join(f"    server {app.name} {HOST}:{app.port} cookie {app.name}" for app in apps)
        return (await t.rig.haproxy((SYSTEMS / "sticky_cookie.cfg").read_text() + servers)).port
    servers = " ".join(f"server {HOST}:{app.port};" for app in apps)
    if t["variant"] == "sticky_cookie":
        upstream = (
            (SYSTEMS / "sticky_cookie.conf")
            .read_text()
            .format(
                servers=servers,
                groups="\n".join(f"upstream {app.name} {{ server {HOST}:{app.port}; }}" for app in apps),
                names=" ".join(f"{app.name} {app.name};" for app in apps),
                addresses=" ".join(f"{HOST}:{app.port} {app.name};" for app in apps),
            )
        )
        site = 'location / { proxy_pass http://$chosen; add_header Set-Cookie "SERVER=$mark"; }'
        return (await t.rig.nginx(site, http=upstream)).port
    how = {"sticky_hash": "ip_hash;", "sticky_consistent": "hash $remote_addr consistent;"}
    upstream = f"upstream shop {{ {how.get(t['variant'], '')} {servers} }}"
    return (await t.rig.nginx("location / { proxy_pass http://shop; }", http=upstream)).port


async def everybody(t: Trial, visitors: list[Visitor], port: int, does: str, item: str = "") -> None:
    """Lets each visitor do the same, a few at a time, in any order."""
    clients = [HttpClient(HOST, port, persistent=False, new_socket=each.socket) for each in visitors]
    planned = [
        Planned(does, each.name, lambda _, each=each, client=client: each.asks(client, does, item))  # type: ignore[misc]
        for each, client in zip(visitors, clients, strict=True)
    ]
    t.random.shuffle(planned)
    await t.operations.all(planned, clients=AT_ONCE)


class Visitor:
    """Somebody with an address and a jar of cookies."""

    def __init__(self, number: int, t: Trial) -> None:
        self.name = f"visitor-{number:02}"
        # Of an address ip_hash looks at the first three parts only.
        self.address = f"127.{t.random.randrange(1, 255)}.{t.random.randrange(256)}.{number + 1}"
        self.jar: dict[str, str] = {}
        self.copy = ""

    def socket(self) -> socket.socket:
        own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        own.bind((self.address, 0))
        return own

    async def asks(self, client: HttpClient, does: str, item: str) -> Response:
        """Makes one request as a browser would, and keeps the cookies that come back."""
        path = {"login": f"/login?who={self.name}", "add": f"/cart?item={item}", "logout": "/logout"}
        if does == "logout":
            self.copy = self.jar.get("session", "")
        if does == "show_a_copy":
            # Somebody has kept a copy of the cookie, as a thief or a second device does.
            self.jar["session"] = self.copy
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())}
        method = "GET" if does.startswith("show") else "POST"
        answer = await client.request(method, path.get(does, "/cart"), headers=headers)
        for cookie in answer.headers.get("set-cookie", "").split(", "):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name:
                self.jar[name] = value
        return answer


def outcome(h: History) -> Outcome:
    shown, copies = of(h, "show"), of(h, "show_a_copy")
    lost = [one for one in shown if not has_cart(one)]
    # Only a session that was there can be ended.
    ended = {one.key for one in of(h, "logout") if one.outcome == "ok"}
    tried = [one for one in copies if one.key in ended]
    back = [one for one in tried if one.outcome == "ok"]
    visitors = max(len(of(h, "login")), 1)
    held = [one for one in of(h, "add") if served_by(one) == "app-1"]
    metrics = {
        "lost": 100 * len(lost) / visitors,
        "held_by_one": 100 * len(held) / visitors,
        "answer_ms": median([(one.done_ns - one.sent_ns) / 1e6 for one in shown if not one.error] or [0.0]),
    }
    if tried:
        metrics["came_back"] = 100 * len(back) / len(tried)
    kinds = Counter(one.kind for one in h.operations)
    unanswered = sum(bool(one.error) for one in h.operations)
    everybody_asked = Assumption(
        id="everybody_asked",
        says="every visitor logged in, asked for the cart again and was answered",
        held=len(set(kinds.values())) == 1 and not unanswered,
        measured=f"{len(shown)} of {visitors} visitors; {unanswered} requests without an answer",
    )
    return Outcome(
        metrics=metrics,
        findings=(*(lost_session(h, one) for one in lost), *(came_back(one) for one in back)),
        tries={"session_lost": len(shown), "came_back": len(tried)},
        assumptions=(everybody_asked,),
    )


def of(h: History, kind: str) -> list[Operation]:
    return [one for one in h.operations if one.kind == kind]


def served_by(one: Operation) -> str:
    """Returns which server answered."""
    return str(one.result["body"]["served_by"]) if one.result else ""


def has_cart(one: Operation) -> bool:
    """Decides whether the visitor was known, and all that was put into the cart is in it."""
    return (
        one.outcome == "ok" and one.result["body"]["who"] == one.key and one.result["body"]["cart"] == ["tea"]
    )


def lost_session(h: History, one: Operation) -> Finding:
    """Tells of a visitor who was known before."""
    [before] = [each for each in of(h, "add") if each.key == one.key]
    login = next(each for each in of(h, "login") if each.key == one.key)
    witness = [
        WitnessEvent(0.0, one.key, f"logs in at {served_by(login)}"),
        WitnessEvent(
            since(login, before.done_ns),
            one.key,
            f"puts tea into the cart at {served_by(before)}: {status(before)}",
        ),
        WitnessEvent(
            since(login, one.done_ns), one.key, f"asks for the cart at {served_by(one)}: {status(one)}"
        ),
    ]
    killed = [event for event in h.events if event.kind == "fault" and event.stage == "effect"]
    witness += [
        WitnessEvent(since(login, event.t_ns), event.target, "is killed, and starts again")
        for event in killed
    ]
    return Finding(
        kind="session_lost",
        key=one.key,
        says=f"{one.key} had tea in the cart, and it is gone",
        witness=tuple(sorted(witness, key=lambda event: event.t_ms)),
    )


def came_back(one: Operation) -> Finding:
    return Finding(
        kind="came_back",
        key=one.key,
        says=f"a copy of the cookie of {one.key} is good after its logout",
        witness=(
            WitnessEvent(0.0, one.key, "has logged out; a copy of its cookie is left"),
            WitnessEvent(
                (one.done_ns - one.sent_ns) / 1e6, served_by(one), "shows the cart to whoever has the copy"
            ),
        ),
    )


def since(first: Operation, t_ns: int) -> float:
    return (t_ns - first.sent_ns) / 1e6


def status(one: Operation) -> int:
    return int(one.result["status"]) if one.result else 0
