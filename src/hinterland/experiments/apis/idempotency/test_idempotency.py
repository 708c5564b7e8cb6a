"""The checker on recorded histories; on real trials wrong variants are convicted, the right one acquitted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland.lab import HttpClient, Outcome, charges
from hinterland.lab.testing import OneBlock, Rig, TrialResult, experiment_of

HERE = experiment_of(__file__)
# These show the checker one thing each; the rest of an outcome needs a whole trial.
RECORDED = HERE.recorded_as(outcome=lambda history: Outcome(findings=tuple(charges.check(history))))

DISEASES = {
    "no_key": {"double_charge_in_turn", "double_charge_at_once", "double_charge_when_slow"},
    "check_then_insert": {"double_charge_at_once", "double_charge_after_kill", "wrong_replay"},
    "key_in_transaction": set(),
    "key_in_redis": {"stuck_key", "lost_charge"},
    "expiring_lock": {"double_charge_when_slow"},
}
"""What each variant must be convicted of. What no_key does after a kill, it does without one, too."""

HEALTH = {
    "check_then_insert": {"double_charge_in_turn", "lost_charge", "stuck_key"},
    "key_in_redis": {
        f"double_charge_{manner}" for manner in ("in_turn", "at_once", "when_slow", "after_kill")
    },
    "expiring_lock": {"double_charge_after_kill", "lost_charge", "stuck_key"},
}
"""What the lesson says a wrong variant gets right."""


@pytest.mark.parametrize("name", RECORDED.names)
def test_recorded_history(name: str) -> None:
    assert not RECORDED.differences(name)


def test_every_finding_is_in_a_recorded_history() -> None:
    kinds = {kind for name in RECORDED.names for kind, _ in RECORDED.file(name)["outcome"]["findings"]}
    assert kinds == set(charges.KINDS)


def test_every_wrong_variant_is_some_claims_control() -> None:
    controls = {claim.instead["variant"] for claim in HERE.experiment.claim}
    assert controls == set(DISEASES) - {"key_in_transaction"}


def test_every_wrong_variant_says_so_first() -> None:
    source = (HERE.folder / "systems" / "payments.py").read_text()
    said = dict(re.findall(r'def (\w+)\(shop: Shop, payment: Payment\) -> Answer:\n    """(\w+)', source))
    assert said == {variant: "Right" if variant == "key_in_transaction" else "Wrong" for variant in DISEASES}


def by_variant(one_block: OneBlock, database: str, *variants: str) -> dict[str, TrialResult]:
    """Returns a real trial of each variant."""
    needs = ["service:postgresql"] if database == "postgresql" else []
    needs += ["service:redis"] if "key_in_redis" in variants else []
    trials = one_block(HERE, *needs, database=(database,), variant=variants)
    return {str(one.treatment["variant"]): one for one in trials}


def examine(variant: str, trial: TrialResult) -> None:
    assert trial.status != "failed", (trial.cause, trial.log)
    broken = {each.id for each in trial.outcome.assumptions if not each.held} - {"machine_quiet"}
    assert not broken, trial.outcome.assumptions
    assert all(trial.outcome.tries.values()), trial.outcome.tries
    found = {finding.kind for finding in trial.outcome.findings}
    assert found >= DISEASES[variant]
    assert not found & HEALTH.get(variant, set())
    if variant == "key_in_transaction":
        assert not found
    assert set(trial.outcome.metrics) == set(HERE.experiment.metric)


@pytest.mark.system
def test_the_right_variant_answers_as_the_draft_says(require: Callable[[str], None], scratch: Path) -> None:
    require("python:uvicorn")

    async def answers() -> list[tuple[int, bool, str]]:
        seen = []
        async with Rig(scratch, scratch, record=lambda event: None) as rig:
            port = rig.free_port()
            await rig.start(
                [HERE.folder / "systems" / "payments.py", "--database", scratch / "shop.db", "--port", port],
                name="payments",
                port=port,
            )
            async with HttpClient("127.0.0.1", port) as http:
                for shop, key, body in (
                    ("a", "", {"order": "o", "amount_cents": 5}),
                    ("a", "k", {"order": "o"}),
                    ("a", "k", {"order": "o", "amount_cents": 5}),
                    ("a", "k", {"order": "o", "amount_cents": 5}),
                    ("a", "k", {"order": "o", "amount_cents": 6}),
                    ("b", "k", {"order": "o", "amount_cents": 6}),
                ):
                    headers = {"Tenant": shop, **({"Idempotency-Key": key} if key else {})}
                    response = await http.post("/payments", headers=headers, json=body)
                    replayed = "idempotent-replayed" in response.headers
                    seen.append((response.status, replayed, response.json().get("charge", "")))
        return seen

    no_key, no_amount, first, again, other_payload, other_shop = asyncio.run(answers())
    assert (no_key[0], no_amount[0], other_payload[0]) == (400, 400, 422)
    assert first[:2] == (201, False)
    assert again == (201, True, first[2])
    assert other_shop[:2] == (201, False)
    assert other_shop[2] != first[2]


@pytest.mark.system
def test_on_sqlite(one_block: OneBlock) -> None:
    for variant, trial in by_variant(one_block, "sqlite", *DISEASES).items():
        examine(variant, trial)


@pytest.mark.system
def test_on_postgresql(one_block: OneBlock) -> None:
    variants = ("check_then_insert", "key_in_transaction", "expiring_lock")
    for variant, trial in by_variant(one_block, "postgresql", *variants).items():
        examine(variant, trial)
