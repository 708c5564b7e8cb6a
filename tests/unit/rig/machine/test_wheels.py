"""Every experiment runs with what Python packages bring, and its main claims can be decided."""

from __future__ import annotations

import pytest

from hinterland import catalogue
from hinterland.claims.declared import claims_of
from hinterland.claims.judge import decidable
from hinterland.model.experiment import Experiment
from hinterland.model.levels import treatments
from hinterland.rig.machine import needs
from hinterland.rig.machine.availability import availability
from hinterland.rig.machine.needs import NeedStatus
from hinterland.rig.services import find_service
from hinterland.rig.services.nginx import find_stream

OF_THE_MACHINE = ("link", "two_cores", "congestion_bbr")
"""Capabilities that no package brings, and that a Linux of today gives an ordinary user."""
NEED_A_COMPILER = {"execution/context_switch": {"cold_memory", "dearer_than_the_kernel"}}
"""What a C program shows, made where it runs; no package of reasonable size brings a compiler."""


def with_wheels_alone(need: str) -> NeedStatus:
    """Answers as on a machine with no program of a server, a runtime or a load tool."""
    kind, _, name = need.partition(":")
    if kind == "service":
        return NeedStatus(need, find_service(name, search_path=[]) is not None)
    if need == "capability:nginx_stream":
        return NeedStatus(need, find_stream(search_path=[]) is not None)
    if kind == "capability":
        return NeedStatus(need, name in OF_THE_MACHINE)
    return needs.check(need) if kind == "python" else NeedStatus(need, False)


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_it_runs_and_its_main_claims_can_be_decided(experiment: Experiment) -> None:
    found = availability(experiment, with_wheels_alone)
    assert found.runs != "no", [status.need for status in found.required]
    left = treatments(experiment, unavailable=found.unavailable)
    claims = claims_of(experiment)
    undecidable = {one.id for one in experiment.claim if one.main and not decidable(claims[one.id], left)}
    assert undecidable == NEED_A_COMPILER.get(experiment.id, set())
