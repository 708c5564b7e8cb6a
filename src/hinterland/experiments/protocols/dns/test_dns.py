"""Recorded trials give the outcome they must; on real ones, who asks moves, and who remembers stays."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hinterland.lab import Event, History
from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
MODULE = HERE.source


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; what the visitors noted was kept as they noted it, some of it left out."""
    return History(
        treatment=recorded["treatment"],
        seed=recorded["seed"],
        readings=recorded["readings"],
        events=(Event(recorded["changed_ns"], "note", "changed"),),
        loads={"visits": MODULE.visits("\n".join(recorded["noted"]))},
    )


RECORDED = HERE.recorded_as(history)


@pytest.mark.parametrize("name", RECORDED.names)
def test_recorded_history(name: str) -> None:
    assert not RECORDED.differences(name)


def test_the_histories_hold_a_conviction_an_acquittal_and_each_broken_assumption() -> None:
    outcomes = [RECORDED.file(name)["outcome"] for name in RECORDED.names]
    sound = [{kind for kind, _ in one["findings"]} for one in outcomes if not one["broken"]]
    assert {"outlived"} in sound
    assert {"moved", "outage"} in sound
    assert {"moved", "at_once"} in sound
    assert {each for one in outcomes for each in one["broken"]} == {
        "old_before",
        "watched_long_enough",
        "fresh_at_the_change",
    }


def test_a_visit_that_nobody_answered_is_kept_with_its_reason() -> None:
    sample = MODULE.visits("shop2.example 10 20 - refused\nwarm\nshop1.example 5 9 old\n")
    assert sample.connection.tolist() == [0, 1]
    assert sample.done_ns.tolist() == [9, -1]
    assert (sample.start_ns, sample.end_ns) == (5, 20)
    assert [sample.errors[each] for each in sample.error] == ["", "refused"]


def test_the_wrong_configuration_says_so_first() -> None:
    said = {
        name: (HERE.folder / "systems" / f"{name}.conf").read_text().split()[1]
        for name in ("nginx_once", "nginx_resolver")
    }
    assert said == {"nginx_once": "Wrong", "nginx_resolver": "Right:"}


@pytest.fixture
def authority() -> Iterator[tuple[str, int]]:
    """The name server alone, on loopback: its address and port."""
    pytest.importorskip("dns")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program = HERE.folder / "systems" / "authority.py"
    command = [sys.executable, str(program), "127.0.0.1", str(port), "shop1.example", "--ttl", "7"]
    started = subprocess.Popen([*command, "--address", "192.0.2.1"], stdout=subprocess.PIPE)
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        yield "127.0.0.1", port
    finally:
        started.kill()
        started.wait()
        if started.stdout is not None:
            started.stdout.close()


@pytest.mark.system
def test_the_authority_answers_and_takes_updates_and_survives_nonsense(authority: tuple[str, int]) -> None:
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.update

    def ask(message: Any) -> Any:
        return dns.query.udp(message, authority[0], port=authority[1], timeout=60)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nonsense:
        nonsense.sendto(b"\x00", authority)
    first = ask(dns.message.make_query("shop1.example.", "A"))
    assert [(one.address, first.answer[0].ttl) for one in first.answer[0]] == [("192.0.2.1", 7)]
    assert first.flags & dns.flags.AA
    assert ask(dns.message.make_query("shop1.example.", "AAAA")).answer == []
    assert ask(dns.message.make_query("shop9.example.", "A")).rcode() == dns.rcode.NXDOMAIN
    move = dns.update.UpdateMessage("example.")
    move.replace("shop1.example.", 7, "A", "192.0.2.2")
    assert ask(move).rcode() == dns.rcode.NOERROR
    assert ask(dns.message.make_query("shop1.example.", "A")).answer[0][0].address == "192.0.2.2"


@pytest.fixture
def forwarder(authority: tuple[str, int]) -> Iterator[tuple[tuple[str, int], subprocess.Popen[bytes]]]:
    """The forwarder before that authority: its address and port, and its process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program = HERE.folder / "systems" / "forwarder.py"
    asking = ["--ask", authority[0], "--ask-port", str(authority[1])]
    command = [sys.executable, str(program), "127.0.0.1", str(port), *asking]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == b"ready\n"
            yield ("127.0.0.1", port), started
        finally:
            started.kill()


@pytest.mark.system
def test_the_forwarder_remembers_until_it_is_told_to_forget(
    authority: tuple[str, int], forwarder: tuple[tuple[str, int], subprocess.Popen[bytes]]
) -> None:
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.update

    door, process = forwarder

    def ask(message: Any, at: tuple[str, int]) -> Any:
        return dns.query.udp(message, at[0], port=at[1], timeout=5)

    def address() -> tuple[str, int]:
        answer = ask(dns.message.make_query("shop1.example.", "A"), door)
        assert not answer.flags & dns.flags.AA
        [records] = answer.answer
        return records[0].address, records.ttl

    def move(ttl_s: int, to: str) -> None:
        message = dns.update.UpdateMessage("example.")
        message.replace("shop1.example.", ttl_s, "A", to)
        assert ask(message, authority).rcode() == dns.rcode.NOERROR

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nonsense:
        nonsense.sendto(b"\x00", door)
    assert address() == ("192.0.2.1", 7)
    move(7, "192.0.2.2")
    told, left_s = address()
    assert told == "192.0.2.1"
    assert left_s <= 7
    for kind, rcode in (("AAAA", dns.rcode.NOERROR), ("A", dns.rcode.NXDOMAIN)):
        name = "shop1.example." if kind == "AAAA" else "shop9.example."
        answer = ask(dns.message.make_query(name, kind), door)
        assert (answer.rcode(), answer.answer) == (rcode, [])
    process.send_signal(signal.SIGHUP)
    # It forgets between two datagrams: one that is under way may still find the old answer.
    assert any(address() == ("192.0.2.2", 7) for _ in range(20))


def test_the_forwarder_uses_an_answer_with_a_ttl_of_0_once() -> None:
    import dns.message
    import dns.resolver
    import dns.rrset

    spec = importlib.util.spec_from_file_location("forwarder", HERE.folder / "systems" / "forwarder.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    memory = module.Memory()

    def answer(ttl_s: int | None) -> dns.resolver.Answer:
        response = dns.message.make_response(dns.message.make_query("shop1.example.", "A"))
        if ttl_s is not None:
            response.answer.append(dns.rrset.from_text("shop1.example.", ttl_s, "IN", "A", "192.0.2.1"))
        [asked] = response.question
        arrived = dns.message.from_wire(response.to_wire())
        assert isinstance(arrived, dns.message.QueryMessage)
        return dns.resolver.Answer(asked.name, asked.rdtype, asked.rdclass, arrived)

    for ttl_s, kept in ((0, False), (60, True), (None, False)):
        found = answer(ttl_s)
        key = (found.qname, found.rdtype, found.rdclass)
        memory.flush()
        memory.put(key, found)
        assert (memory.get(key) is found) == kept, ttl_s


ENDS = ("moved", "outlived")
NEEDS = ("service:nginx", "program:dnsmasq")


@pytest.mark.system
def test_who_asks_moves_and_who_remembers_stays(one_block: OneBlock) -> None:
    life_ms: dict[tuple[Any, ...], float] = {}
    for one in one_block(HERE, *NEEDS):
        levels = one.treatment
        key = (levels["variant"], levels["ttl_s"], levels["change"])
        stays = levels["variant"] in ("kept", "nginx_once") and levels["change"] == "move"
        found = {(finding.kind, finding.key) for finding in one.outcome.findings if finding.kind in ENDS}
        assert found == {("outlived" if stays else "moved", name) for name in MODULE.NAMES}, key
        broken = {each.id for each in one.outcome.assumptions if not each.held}
        # What else runs on the machine may make the link late and the visitors slow.
        assert broken <= {"machine_quiet", "link_as_asked", "link_on_time", "fresh_at_the_change"}, key
        if levels["ttl_s"] == 1 and "fresh_at_the_change" not in broken:
            assert "at_once" not in {finding.kind for finding in one.outcome.findings}
        assert set(one.outcome.metrics) == set(HERE.experiment.metric)
        life_ms[levels["resolver"], *key] = one.outcome.metrics["old_address_ms"]
        if key == ("fresh", 1, "failover"):
            assert one.outcome.metrics["failed_requests"] > 10
        if levels["variant"] == "fresh":
            asked = one.outcome.metrics["questions_per_request"]
            assert (asked > 0.5) == (levels["ttl_s"] == 0), key
    for resolver, change in (("dnspython", "failover"), ("dnsmasq", "move")):
        assert life_ms[resolver, "fresh", 1, change] > 2 * life_ms[resolver, "fresh", 0, change]
    assert life_ms["dnspython", "kept", 0, "move"] > 2 * life_ms["dnspython", "kept", 0, "reload"]


@pytest.mark.system
def test_a_connection_closed_while_the_ttl_runs_opens_again_to_the_old_shop(
    one_block: OneBlock,
) -> None:
    levels: dict[str, tuple[Any, ...]] = {"variant": ("kept",), "change": ("reload",), "ttl_s": (3,)}
    [trial] = one_block(HERE, *NEEDS, "program:unbound", resolver=("unbound",), **levels)
    assert {finding.kind for finding in trial.outcome.findings} == {"outlived"}
