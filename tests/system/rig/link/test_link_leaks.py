"""A link that was closed leaves nothing: no process, namespace, descriptor or mount."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland.errors import SetupError
from hinterland.rig.link.ends import planned, two_ends
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.link import Link
from hinterland.rig.processes.namespaces import PLACES
from hinterland.rig.processes.process_table import children_of

pytestmark = pytest.mark.system

LINKS, AT_ONCE = 100, 10


@pytest.fixture(autouse=True)
def _needs_a_link(require: Callable[[str], None]) -> None:
    require("capability:link")


def test_a_hundred_links_leave_this_process_as_it_was() -> None:
    def state() -> tuple[list[str], list[int], list[str], str]:
        descriptors = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        known = [os.readlink(each) for each in descriptors if os.path.islink(each)]
        kinds = sorted(each.partition(":")[0] for each in known if not each.startswith("/proc/"))
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        mounts = [each for each in points if each in PLACES or each.startswith("/etc")]
        return kinds, children_of(os.getpid()), mounts, os.readlink("/proc/self/ns/net")

    def some(count: int) -> list[Link]:
        made = [Link(planned(f"link{number}", two_ends(rtt_ms=1), seed=number)) for number in range(count)]
        for link in made:
            link.begin()
        for link in made:
            link.finish()
        return made

    # What the first one imports and opens for good is no leak.
    for link in some(1):
        link.close()
    before = state()
    for _ in range(LINKS // AT_ONCE):
        opened = some(AT_ONCE)
        assert len(children_of(os.getpid())) >= AT_ONCE
        inside = {
            os.readlink(f"/proc/self/fd/{host.namespaces.network}")
            for one in opened
            for host in one.hosts.values()
        }
        assert len(inside) == 2 * AT_ONCE
        with opened[0].client.socket():
            pass
        for link in opened:
            link.close()
    assert state() == before


def test_a_link_that_can_not_be_built_leaves_nothing() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    bad = HostSettings(sysctl={"net.ipv4.no_such_thing": 1})
    for _ in range(3):
        with pytest.raises(SetupError):
            Link(planned("link", two_ends(server=bad), seed=1)).open()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_closing_twice_and_closing_what_was_never_opened() -> None:
    link = Link(planned("link", two_ends(), seed=1))
    link.close()
    with link:
        pass
    link.close()
