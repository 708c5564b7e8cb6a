"""Visitors fill a cart, a server restarts or one more comes, and each visitor is asked for the cart again."""

from __future__ import annotations

import asyncio
from statistics import median

from hinterland.lab import (
    PORT,
    Finding,
    History,
    Operation,
    Outcome,
    Process,
    Trial,
    assume,
    haproxy,
    nginx,
    redis,
    told,
)

VISITORS, AT_ONCE, SERVERS = 60, 8, 3
SECRET = "known to all servers of this shop"
CHOICE = {"sticky_hash": "ip_hash;", "sticky_consistent": "hash $remote_addr consistent;"}
PATHS = {"add": "/cart?item=tea", "logout": "/logout", "show": "/cart", "show_a_copy": "/cart"}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    how: list[object] = ["token", SECRET] if t["variant"] == "token" else ["memory"]
    if t["variant"] == "shared_session":
        how = ["redis", (await t.start(redis())).port]

    async def app(number: int) -> Process:
        name = f"app-{number}"
        return await t.start("app.py", PORT, name, *how, name=name)

    apps = list(await asyncio.gather(*(app(number + 1) for number in range(SERVERS))))
    visitors = [Visitor(t, number) for number in range(VISITORS)]
    t.phase("measure")
    door = await proxy(t, apps)
    await everybody(t, visitors, door, "login", "add")
    if t["event"] == "restart":
        await t.rig.kill(apps[0])
        await apps[0].restart()
    elif t["event"] == "scale_out":
        # The proxy is started anew with the longer list. All it knows is in its configuration and in cookies.
        door = await proxy(t, [*apps, await app(SERVERS + 1)])
    await everybody(t, visitors, door, "show", "logout", "show_a_copy")


async def proxy(t: Trial, apps: list[Process]) -> int:
    """Starts the proxy before these servers, and returns its port."""
    servers = " ".join(f"server {app.at};" for app in apps)
    if t["variant"] == "haproxy_cookie":
        listed = "\n".join(f"    server {app.name} {app.at} cookie {app.name}" for app in apps)
        return (await t.start(haproxy(t.text("sticky_cookie.cfg") + listed))).port
    if t["variant"] == "sticky_cookie":
        upstream = t.text("sticky_cookie.conf").format(
            servers=servers,
            groups="\n".join(f"upstream {app.name} {{ server {app.at}; }}" for app in apps),
            names=" ".join(f"{app.name} {app.name};" for app in apps),
            addresses=" ".join(f"{app.at} {app.name};" for app in apps),
        )
        site = 'location / { proxy_pass http://$chosen; add_header Set-Cookie "SERVER=$mark"; }'
        return (await t.start(nginx(site, http=upstream))).port
    upstream = f"upstream shop {{ {CHOICE.get(t['variant'], '')} {servers} }}"
    return (await t.start(nginx("location / { proxy_pass http://shop; }", http=upstream))).port


async def everybody(t: Trial, visitors: list[Visitor], port: int, *deeds: str) -> None:
    """Lets each visitor do the same, a few at a time, in any order; then the next deed."""
    for does in deeds:
        t.random.shuffle(visitors)
        await t.all((each.asks(port, does) for each in visitors), at_once=AT_ONCE)


class Visitor:
    """Somebody with an address and a jar of cookies."""

    def __init__(self, t: Trial, number: int) -> None:
        self.name = f"visitor-{number:02}"
        # Of an address ip_hash looks at the first three parts only.
        address = f"127.{t.random.randrange(1, 255)}.{t.random.randrange(256)}.{number + 1}"
        self.client = t.client(source=address, persistent=False)
        self.jar: dict[str, str] = {}
        self.copy = ""

    async def asks(self, port: int, does: str) -> None:
        """Makes one request as a browser would, and keeps the cookies that come back."""
        if does == "logout":
            self.copy = self.jar.get("session", "")
        if does == "show_a_copy":
            # Somebody has kept a copy of the cookie, as a thief or a second device does.
            self.jar["session"] = self.copy
        method = "GET" if does.startswith("show") else "POST"
        path = PATHS.get(does, f"/login?who={self.name}")
        one = await self.client.ask(does, self.name, method, path, port=port, cookies=self.jar)
        self.jar |= one.cookies


def outcome(h: History) -> Outcome:
    shown, logins = h.of("show"), h.of("login")
    lost = [one for one in shown if not has_cart(one)]
    # Only a session that was there can be ended.
    ended = {one.key for one in h.of("logout") if one.ok}
    tried = [one for one in h.of("show_a_copy") if one.key in ended]
    back = [one for one in tried if one.ok]
    held = [one for one in h.of("add") if one.body("served_by") == "app-1"]
    visitors = max(len(logins), 1)
    metrics = {
        "lost": 100 * len(lost) / visitors,
        "held_by_one": 100 * len(held) / visitors,
        "answer_ms": median([one.took_ms for one in shown if one.answered] or [0.0]),
    }
    if tried:
        metrics["came_back"] = 100 * len(back) / len(tried)
    unanswered = sum(not one.answered for one in h.operations)
    everybody_asked = assume(
        "every visitor logged in, asked for the cart again and was answered",
        len({len(h.of(one.kind)) for one in h.operations}) == 1 and not unanswered,
        f"{len(shown)} of {visitors} visitors; {unanswered} requests without an answer",
        name="everybody_asked",
    )
    return Outcome(
        metrics=metrics,
        findings=(*(session_lost(h, one) for one in lost), *map(came_back, back)),
        tries={"session_lost": len(shown), "came_back": len(tried)},
        assumptions=(everybody_asked,),
    )


def has_cart(one: Operation) -> bool:
    """Decides whether the visitor was known, and all that was put into the cart is in it."""
    return one.ok and one.body("who") == one.key and one.body("cart") == ["tea"]


def session_lost(h: History, one: Operation) -> Finding:
    """Tells of a visitor who was known before."""
    login, before = h.one("login", one.key), h.one("add", one.key)
    return told(
        "session_lost",
        one.key,
        f"{one.key} had tea in the cart, and it is gone",
        (login.sent_ns, one.key, f"logs in at {login.body('served_by')}"),
        (before.done_ns, one.key, f"puts tea into the cart at {before.body('served_by')}: {before.status}"),
        *((kill.t_ns, kill.target, "is killed, and starts again") for kill in h.faults("kill")),
        (one.done_ns, one.key, f"asks for the cart at {one.body('served_by')}: {one.status}"),
    )


def came_back(one: Operation) -> Finding:
    """Tells of a session that was ended and is good all the same."""
    return told(
        "came_back",
        one.key,
        f"a copy of the cookie of {one.key} is good after its logout",
        (one.sent_ns, one.key, "has logged out; a copy of its cookie is left"),
        (one.done_ns, one.body("served_by"), "shows the cart to whoever has the copy"),
    )
