"""What doctor says about the link: the tier, and once each what would unlock a better one."""

from __future__ import annotations

from hinterland.cli.doctor import link_facts
from hinterland.rig.link.kernel.plan import Refusal
from hinterland.rig.link.kernel.tiers import Survey


def test_the_best_tier_needs_no_advice() -> None:
    (fact,) = link_facts(Survey("tun"))
    assert fact.good
    assert fact.value.startswith("tun: ")


def test_a_closed_device_is_one_row_with_its_command() -> None:
    first, second = link_facts(Survey("packet", (Refusal("tun", "it is closed", "sudo chmod"),)))
    assert first.good
    assert (second.name, second.good, second.advice) == ("link tun", False, "sudo chmod")


def test_what_keeps_out_three_tiers_is_said_once() -> None:
    refusals = (*(Refusal(tier, "no namespaces", "sysctl") for tier in ("tun", "packet", "netem")),)
    first, second = link_facts(Survey("proxy", refusals))
    assert not first.good
    assert (second.name, second.advice) == ("link tun", "sysctl")
