"""Recorded trials give the outcome they must; on real ones, who asks moves, and who remembers stays."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import Event, History
from hinterland.model.verdict import TrialResult
from hinterland.runner import code
from hinterland.runner.recorded import Recorded

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
MODULE = sys.modules[CODE.outcome.__module__]


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; what the visitors noted was kept as they noted it, some of it left out."""
    return History(
        treatment=recorded["treatment"],
        seed=recorded["seed"],
        readings=recorded["readings"],
        events=(Event(recorded["changed_ns"], "note", "changed"),),
        loads={"visits": MODULE.visits("\n".join(recorded["noted"]))},
    )


RECORDED = Recorded(FOLDER, CODE.outcome, history)


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
        name: (FOLDER / "systems" / f"{name}.conf").read_text().split()[1]
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
    program = FOLDER / "systems" / "authority.py"
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
        return dns.query.udp(message, authority[0], port=authority[1], timeout=5)

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


ENDS = ("moved", "outlived")
NEEDS = ("capability:link", "python:dns", "service:nginx", "program:unbound", "program:dnsmasq")


def one_block(store: Path, **levels: Any) -> tuple[TrialResult, ...]:
    """Returns a real trial of each treatment, none of which failed."""
    options = RunOptions(blocks=1, store=store, seed=1, set={name: (one,) for name, one in levels.items()})
    trials = run_experiment(EXPERIMENT, options).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    return tuple(trials)


@pytest.mark.system
def test_who_asks_moves_and_who_remembers_stays(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in NEEDS:
        require(need)
    life_ms: dict[tuple[Any, ...], float] = {}
    for one in one_block(tmp_path):
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
        assert set(one.outcome.metrics) == set(EXPERIMENT.metric)
        life_ms[key] = one.outcome.metrics["old_address_ms"]
        if key == ("fresh", 1, "failover"):
            assert one.outcome.metrics["failed_requests"] > 10
        if levels["variant"] == "fresh":
            asked = one.outcome.metrics["questions_per_request"]
            assert (asked > 0.5) == (levels["ttl_s"] == 0), key
    assert life_ms["fresh", 1, "move"] > 2 * life_ms["fresh", 0, "move"]
    assert life_ms["fresh", 1, "failover"] > 2 * life_ms["fresh", 0, "failover"]
    assert life_ms["kept", 0, "move"] > 2 * life_ms["kept", 0, "reload"]


@pytest.mark.system
def test_a_connection_closed_while_the_ttl_runs_opens_again_to_the_old_shop(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in NEEDS:
        require(need)
    [trial] = one_block(tmp_path, variant="kept", resolver="unbound", change="reload", ttl_s=3)
    assert {finding.kind for finding in trial.outcome.findings} == {"outlived"}
