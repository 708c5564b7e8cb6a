"""Who may be put under load: loopback, a link's hosts, and a target that serves this user's token."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from consent_site import Site, own_address, serving
from misbehaving import Handler, answers, never_answers, read_request
from msgspec.structs import replace

from hinterland.errors import SetupError, UsageError
from hinterland.load.conductor import consent
from hinterland.load.conductor.consent import admitted, is_loopback
from hinterland.load.conductor.token import SECRET, token_for
from hinterland.load.plan.plan import LoadPlan, RequestPlan, Target, Weighted
from hinterland.load.plan.protocols import Protocol
from hinterland.rig.certificate import certificate
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system


def plan(host: str, port: int, protocol: Protocol = "http1", **target: Any) -> LoadPlan:
    return LoadPlan(target=Target(url="", protocol=protocol, host=host, port=port, **target))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def refused(asked: LoadPlan, state: Path) -> str:
    with pytest.raises(UsageError) as error:
        run(admitted(asked, state=state))
    return str(error.value)


def against(
    site: Handler, state: Path, asked: LoadPlan | None = None, tls: ssl.SSLContext | None = None
) -> LoadPlan:
    """Returns the plan that was let through to a site on this machine's own address."""

    async def whole() -> LoadPlan:
        address = own_address()
        async with serving(site, address, tls) as port:
            wanted = asked or plan(address, port)
            return await admitted(replace(wanted, target=replace(wanted.target, port=port)), state=state)

    found: LoadPlan = run(whole())
    return found


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("127.9.8.7", "127.9.8.7"), ("::1", "::1"), ("0.0.0.0", "127.0.0.1"),
     ("::ffff:127.0.0.1", "::ffff:127.0.0.1")],
)  # fmt: skip
def test_loopback_needs_no_consent(tmp_path: Path, host: str, address: str) -> None:
    assert run(admitted(plan(host, 9), state=tmp_path)).target.address == address
    assert not (tmp_path / SECRET).exists()


def test_a_name_that_leads_to_loopback_alone_needs_no_consent(tmp_path: Path) -> None:
    assert is_loopback(run(admitted(plan("localhost", 9), state=tmp_path)).target.address)


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "10.0.0.1", "fe80::1%eth0", "2001:db8::1", "128.0.0.1", "126.255.255.255"]
)
def test_other_addresses_are_not_loopback(address: str) -> None:
    assert not is_loopback(address)


def test_another_target_is_refused_with_its_token_and_what_to_do(tmp_path: Path) -> None:
    site = Site("hello")
    with pytest.raises(UsageError) as error:
        against(site, tmp_path)
    page = str(error.value)
    token = token_for(own_address(), tmp_path)
    assert page.startswith(f"{own_address()} has not agreed")
    assert "does not hold the token" in page
    assert f"    {token}\n" in page
    assert re.search(r"let http://[\d.]+:\d+/\.well-known/hinterland-consent answer 200", page)
    assert site.asked[0].startswith(b"GET /.well-known/hinterland-consent HTTP/1.1\r\n")
    assert token.encode() not in site.asked[0]


def test_a_target_that_serves_the_token_is_let_through(tmp_path: Path) -> None:
    address = own_address()
    site = Site(token_for(address, tmp_path) + "\n")
    assert against(site, tmp_path).target.address == address
    assert len(site.asked) == 1


def test_the_token_is_asked_for_each_time(tmp_path: Path) -> None:
    site = Site(token_for(own_address(), tmp_path))
    against(site, tmp_path)
    site.answer = Site("gone", "404 Not Found").answer
    with pytest.raises(UsageError, match="answers 404"):
        against(site, tmp_path)


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    elsewhere = Site("", "302 Found", "Location: http://127.0.0.1:9/.well-known/hinterland-consent\r\n")
    with pytest.raises(UsageError, match="answers 302; a redirect is not followed"):
        against(elsewhere, tmp_path)


def test_the_token_of_another_user_or_another_host_is_none(tmp_path: Path) -> None:
    address = own_address()
    for wrong in (token_for(address, tmp_path / "other"), token_for("example.org", tmp_path)):
        with pytest.raises(UsageError, match="does not hold the token"):
            against(Site(wrong), tmp_path)
    with pytest.raises(UsageError, match="does not hold the token"):
        against(Site(f"<p>{token_for(address, tmp_path)}</p>"), tmp_path)


def test_a_name_is_resolved_once_and_its_address_is_the_one_that_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose answer changes from one question to the next: the second one would be somebody else."""
    address = own_address()
    site, questions = Site(token_for("rebound.example", tmp_path)), []

    async def whole() -> LoadPlan:
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def changing(host: Any, port: Any, **how: Any) -> Any:
            if host != "rebound.example":
                return await real(host, port, **how)
            questions.append(host)
            leads = address if len(questions) == 1 else "192.0.2.66"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads, port))]

        monkeypatch.setattr(loop, "getaddrinfo", changing)
        async with serving(site, address) as port:
            return await admitted(plan("rebound.example", port), state=tmp_path)

    assert run(whole()).target.address == address
    assert questions == ["rebound.example"]
    assert b"Host: rebound.example:" in site.asked[0]


def test_a_name_that_leads_to_loopback_and_elsewhere_must_agree_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own_address()

    async def whole() -> None:
        loop = asyncio.get_running_loop()

        async def both(host: Any, port: Any, **how: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (to, port)) for to in ("127.0.0.1", address)]

        async with serving(Site("no"), address) as port:
            monkeypatch.setattr(loop, "getaddrinfo", both)
            await admitted(plan("both.example", port), state=tmp_path)

    with pytest.raises(UsageError, match=re.escape(f"both.example ({address}) has not agreed")):
        run(whole())


def test_a_machine_agrees_at_port_80_for_what_is_not_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own_address()
    site = Site(token_for(address, tmp_path))
    asked = plan(address, 5432, "postgresql")

    async def whole() -> LoadPlan:
        async with serving(site, address) as port:
            monkeypatch.setattr(consent, "PLAIN_HTTP_PORT", port)
            return await admitted(asked, state=tmp_path)

    assert run(whole()).target.address == address
    # By its address: a tenant of a machine with many names can't agree for it.
    assert f"Host: {address}".encode() in site.asked[0]
    assert consent.consent_url(asked.target, address) == f"http://{address}/.well-known/hinterland-consent"


def test_tls_is_spoken_to_a_target_that_is_loaded_over_tls(tmp_path: Path) -> None:
    address = own_address()
    made = certificate(tmp_path, [address])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.path, made.key_path)
    asked = replace(plan(address, 0, tls=True), ca_file=str(made.path))
    assert against(Site(token_for(address, tmp_path)), tmp_path, asked, context).target.address == address
    with pytest.raises(UsageError, match="could not be read"):
        against(Site(token_for(address, tmp_path)), tmp_path, replace(asked, ca_file=""), context)
    unverified = replace(asked, ca_file="", verify_tls=False)
    assert (
        against(Site(token_for(address, tmp_path)), tmp_path, unverified, context).target.address == address
    )


@pytest.mark.parametrize(
    "handler",
    [answers(b"garbage\r\n\r\n"), answers(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", close=True)],
    ids=["garbage", "cut"],
)
def test_a_broken_answer_is_no_consent(tmp_path: Path, handler: Handler) -> None:
    with pytest.raises(UsageError, match="could not be read"):
        against(handler, tmp_path)


def test_a_silent_or_endless_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "PATIENCE_S", 0.2)
    with pytest.raises(UsageError, match="did not answer within"):
        against(never_answers, tmp_path)

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    monkeypatch.setattr(consent, "PATIENCE_S", 10.0)
    with pytest.raises(UsageError, match="longer than"):
        against(endless, tmp_path)


def test_nobody_there_is_no_consent(tmp_path: Path) -> None:
    address = own_address()
    with socket.socket() as taken:
        taken.bind((address, 0))
        assert "could not be read" in refused(plan(address, taken.getsockname()[1]), tmp_path)


def test_a_name_without_an_address_is_an_error(tmp_path: Path) -> None:
    assert "has no address" in refused(plan("nowhere.invalid", 80), tmp_path)


@pytest.mark.parametrize(
    "request_of",
    [
        RequestPlan(headers=(("Host", "other.example"),)),
        RequestPlan(headers=(("host", "{name}"),)),
        RequestPlan(headers=((":authority", "other.example:443"),)),
        RequestPlan(path="http://other.example/"),
    ],
)
def test_a_load_names_no_other_host_than_the_one_that_agreed(tmp_path: Path, request_of: RequestPlan) -> None:
    address = own_address()
    asked = replace(plan(address, 1), mix=(Weighted(requests=(request_of,)),))
    with pytest.raises(UsageError, match="another host"):
        against(Site(token_for(address, tmp_path)), tmp_path, asked)


def test_a_load_may_name_the_host_that_agreed(tmp_path: Path) -> None:
    address = own_address()
    own = RequestPlan(path="/items", headers=(("Host", f"{address}:8080"), ("X-Host", "other.example")))
    asked = replace(plan(address, 1), mix=(Weighted(requests=(own,)),))
    assert against(Site(token_for(address, tmp_path)), tmp_path, asked).target.address == address


def test_hosts_of_a_link_need_no_consent_and_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    async def whole() -> None:
        scratch, cache = tmp_path / "scratch", tmp_path / "cache"
        scratch.mkdir()
        cache.mkdir()
        async with Rig(scratch, cache, lambda event: None) as rig:
            link = await rig.link()
            client, server = link.client, link.server
            for named in (server.name, server.address):
                let = await admitted(plan(named, 80), through=client, state=tmp_path)
                assert let.target.address == server.address
            with pytest.raises(UsageError, match="is no host of link"):
                await admitted(plan("127.0.0.1", 80), through=client, state=tmp_path)
            with pytest.raises(UsageError, match="is no host of link"):
                await admitted(plan(own_address(), 80), through=client, state=tmp_path)
            link.close()
            with pytest.raises(UsageError, match="is closed"):
                await admitted(plan(server.name, 80), through=client, state=tmp_path)

    run(whole())
    assert not (tmp_path / SECRET).exists()


def test_the_secret_is_the_users_alone_and_its_tokens_stay(tmp_path: Path) -> None:
    state = tmp_path / "made" / "when" / "needed"
    first = token_for("Example.org.", state)
    assert token_for("example.org", state) == first
    assert token_for("example.com", state) != first
    assert re.fullmatch(r"hinterland-consent-[0-9a-f]{40}", first)
    assert stat.S_IMODE((state / SECRET).stat().st_mode) == 0o600
    assert os.listdir(state) == [SECRET]
    (state / SECRET).chmod(0o644)
    with pytest.raises(SetupError, match="open to other users"):
        token_for("example.org", state)
    (state / SECRET).chmod(0o600)
    (state / SECRET).write_bytes(b"short")
    with pytest.raises(SetupError, match="5 bytes"):
        token_for("example.org", state)


def test_a_secret_that_leads_elsewhere_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x" * 32)
    (tmp_path / SECRET).symlink_to(tmp_path / "real")
    with pytest.raises(SetupError, match="can't be kept"):
        token_for("example.org", tmp_path)


def test_many_at_once_make_one_secret(tmp_path: Path) -> None:
    async def all_at_once() -> set[str]:
        return set(
            await asyncio.gather(*(asyncio.to_thread(token_for, "example.org", tmp_path) for _ in range(24)))
        )

    assert len(run(all_at_once())) == 1
    assert os.listdir(tmp_path) == [SECRET]
