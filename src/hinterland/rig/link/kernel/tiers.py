"""What may carry a link's packets here, what this machine refuses, and what would unlock it.

From the best down: `tun`, a TUN device in each host; `packet`, packet sockets on veth pairs, where
/dev/net/tun is closed; `netem`, the kernel's own emulation, where it has it; `proxy`, sockets of the machine
itself, without any rights, which can delay but not lose. The first three need network namespaces, which an
ordinary user makes inside a user namespace.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import warnings
from pathlib import Path

import msgspec
from msgspec import Struct

from hinterland.errors import SetupError, UsageError
from hinterland.rig.link.kernel import tun
from hinterland.rig.link.kernel.plan import TIERS, LinkPlan, Refusal, Tier
from hinterland.rig.link.pipe.shape import Shape
from hinterland.rig.processes.namespaces import unshare_mounts, unshare_network, unshare_user

OVERRIDE = "HINTERLAND_LINK_TIER"
CONTAINER = (
    "Start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--device /dev/net/tun, or with --privileged"
)
NETEM_CAN = {"delay_ms", "loss", "burst", "duplicate", "rate_mbit", "queue_bytes", "queue_ms", "cut"}
PROXY_CAN = {"delay_ms", "rate_mbit", "cut"}


class Refused(Exception):
    """A tier can't be had."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def wanted_tiers() -> tuple[Tier, ...]:
    """Returns the tiers to try in order: all, or the one that HINTERLAND_LINK_TIER names."""
    named = os.environ.get(OVERRIDE, "")
    if not named:
        return TIERS
    for tier in TIERS:
        if named == tier:
            return (tier,)
    raise UsageError(f"{OVERRIDE}={named!r}: the tiers are {', '.join(TIERS)}.", f"Or unset {OVERRIDE}.")


def unable(tier: Tier, plan: LinkPlan) -> Refusal | None:
    """Returns why `tier` can't do what `plan` asks for on any machine, None when it can."""
    can = {"netem": NETEM_CAN, "proxy": PROXY_CAN}.get(tier)
    if can is None:
        return None
    shapes = [shape for host in plan.hosts for shape in (host.up, host.down)]
    asked = sorted({name for shape in shapes for name in _fields(shape)} - can)
    if plan.packets_limit:
        asked.append("a record of packets")
    if tier == "proxy":
        if any(each.address6 for each in plan.hosts):
            asked.append("ipv6")
        asked += [f"settings of {each.name}" for each in plan.hosts if each.settings != type(each.settings)()]
    return Refusal(tier, f"it can't do {', '.join(asked)}") if asked else None


def _fields(shape: Shape) -> set[str]:
    default = Shape()
    return {name for name in shape.__struct_fields__ if getattr(shape, name) != getattr(default, name)}


def enter_rights() -> int:
    """Moves this process to where it may make networks: its descriptor of a user namespace, -1 as root.

    It has mounts of its own afterwards. Raises Refused for the tiers that need networks.
    """
    try:
        if os.geteuid() == 0:
            with contextlib.suppress(PermissionError):
                unshare_mounts()
                return -1
        user = unshare_user()
        unshare_mounts()
    except OSError as error:
        raise Refused(namespaces_refused(error)) from error
    return user


def namespaces_refused(error: OSError) -> Refusal:
    """Returns what stands between this user and a network of their own."""
    why = f"this user may make no network namespace ({error.strerror})"
    if _number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1:
        return Refusal(
            "tun",
            f"{why}: AppArmor restricts user namespaces",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        )
    if _number("/proc/sys/kernel/unprivileged_userns_clone") == 0:
        unlock = "sudo sysctl kernel.unprivileged_userns_clone=1"
        return Refusal("tun", f"{why}: user namespaces are off", unlock)
    if error.errno == errno.ENOSPC or _number("/proc/sys/user/max_user_namespaces") == 0:
        return Refusal(
            "tun",
            f"{why}: the limit on namespaces is reached",
            "sudo sysctl user.max_user_namespaces=10000 user.max_net_namespaces=10000",
        )
    if _in_container() or _seccomp_filters():
        return Refusal("tun", f"{why}: the container's or service's filter forbids it", CONTAINER)
    return Refusal("tun", why, "Run hinterland as root, or with a kernel that has CONFIG_USER_NS")


def tun_refused(error: OSError) -> Refusal:
    """Returns what stands between us and a TUN device, when namespaces can be had."""
    why = f"{tun.TUN} can't be used ({error.strerror})"
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refusal("tun", why, f"sudo chmod 666 {tun.TUN}")
    if _in_container():
        return Refusal("tun", why, f"Start the container with --device {tun.TUN}")
    return Refusal("tun", why, "sudo modprobe tun")


def nothing_fits(refusals: list[Refusal]) -> SetupError:
    """Returns the error for a link that nothing here can carry."""
    unlock = next((each.unlock for each in refusals if each.unlock), "")
    by_reason: dict[str, list[str]] = {}
    for each in refusals:
        by_reason.setdefault(each.why, []).append(each.tier)
    reasons = "; ".join(f"{', '.join(tiers)}: {why}" for why, tiers in by_reason.items())
    return SetupError(
        f"No tier of the link can do this here. {reasons}.",
        unlock or "Ask the link for less, or see: hinterland doctor",
    )


class Survey(Struct, frozen=True):
    """The best tier of this machine for this user, and why each better one was refused."""

    tier: Tier
    refusals: tuple[Refusal, ...] = ()


@functools.cache
def survey() -> Survey:
    """Returns what this machine allows, found out by trying in a child process, some 10 ms."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The child only makes system calls: other threads of ours do not matter to it.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            found = [(each.tier, each.why, each.unlock) for each in _try_out()]
            os.write(writing, msgspec.json.encode(found))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answers:
        text = answers.read()
    os.waitpid(child, 0)
    refusals = tuple(
        Refusal(*each) for each in msgspec.json.decode(text or b"[]", type=list[tuple[Tier, str, str]])
    )
    refused = {each.tier for each in refusals}
    best: Tier = next((tier for tier in TIERS if tier not in refused), "proxy")
    return Survey(best, refusals)


def _try_out() -> list[Refusal]:
    """Returns the refusals of the tiers above the best; this process is spoilt afterwards."""
    from hinterland.rig.link.kernel import netem, veth

    try:
        enter_rights()
        hub = unshare_network()
    except Refused as error:
        return [Refusal(tier, error.refusal.why, error.refusal.unlock) for tier in TIERS[:-1]]
    except OSError as error:
        found = namespaces_refused(error)
        return [Refusal(tier, found.why, found.unlock) for tier in TIERS[:-1]]
    refusals: list[Refusal] = []
    try:
        os.close(tun.open_tun("try0"))
        return refusals
    except OSError as error:
        refusals.append(tun_refused(error))
    try:
        veth.try_out(hub)
        return refusals
    except OSError as error:
        refusals.append(veth.refused(error))
    try:
        netem.try_out()
    except OSError as error:
        refusals.append(netem.refused(error))
    return refusals


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _in_container() -> bool:
    return any(os.path.exists(path) for path in ("/.dockerenv", "/run/.containerenv"))


def _seccomp_filters() -> bool:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.split()[:2] == ["Seccomp:", "2"] for line in lines)
