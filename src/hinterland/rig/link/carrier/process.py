"""The link's own process: makes the hosts, starts what carries their packets, and serves requests.

It is started by `Link` with a socket to it as its only inheritance, gets a LinkPlan, and answers with the
descriptors of the namespaces and of a socket to the forwarder. It ends when that socket is closed, or with
its parent; the forwarder ends with it. Messages are JSON, one a packet.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from typing import Any

import msgspec
from msgspec import structs

from hinterland.errors import HinterlandError, packed
from hinterland.rig.link.kernel import construction
from hinterland.rig.link.kernel.construction import BuiltHost, Ground
from hinterland.rig.link.kernel.inhabitants import end_inhabitants
from hinterland.rig.link.kernel.plan import LinkPlan, Refusal, Tier, on_loopback
from hinterland.rig.link.kernel.scheduling import run_soon
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.kernel.tiers import Refused, enter_rights, nothing_fits, unable
from hinterland.rig.link.pipe.shape import shape_from
from hinterland.rig.processes.supervision import die_with_parent

LARGEST_REQUEST = 1 << 17


def main() -> None:
    """Runs the process: argv holds the socket's descriptor, our parent's pid, and whether to die with it."""
    # What comes from the terminal is for our parent to handle; it ends us when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told_to_end, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # The handler does nothing: an exception could come when we are ending the hosts' programs, and stop that.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    control = socket.socket(fileno=int(sys.argv[1]))
    if int(sys.argv[3]):
        # Not by SIGKILL: what our parent put into the hosts must be ended first.
        die_with_parent(int(sys.argv[2]), signal.SIGTERM)
    request = control.recv(LARGEST_REQUEST)
    if not request:
        return
    try:
        process = LinkProcess(msgspec.json.decode(request, type=LinkPlan))
        answer, descriptors = process.open()
    except (OSError, HinterlandError) as error:
        reply(control, failed(error))
        return
    # Our parent may be gone already; then serving ends at once, with what there is to end.
    reply(control, answer, descriptors)
    if process.forwarder:
        # Ours was a copy of the trial's end of that conversation: only when all are closed has it ended.
        os.close(descriptors[-1])
    process.serve(control, told_to_end)
    # Nothing of the interpreter's own is worth the 10 ms that its orderly end takes.
    os._exit(0)


def reply(control: socket.socket, answer: dict[str, Any], descriptors: list[int] | None = None) -> None:
    """Sends an answer, unless nobody is there any more."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        socket.send_fds(control, [msgspec.json.encode(answer)], descriptors or [])


def failed(error: BaseException) -> dict[str, Any]:
    """Returns the answer that carries an error to the other side."""
    return {"error": packed(error)}


class LinkProcess:
    """The hosts of one link, and the process that carries their packets."""

    def __init__(self, plan: LinkPlan) -> None:
        self.plan = plan
        self.tier: Tier = plan.tiers[0]
        self.ground: Ground | None = None
        self.hosts: dict[str, BuiltHost] = {}
        self.forwarder = 0

    def open(self) -> tuple[dict[str, Any], list[int]]:
        """Builds everything on the first tier that can be had; returns the first answer and its descriptors.

        These are: the user namespace, if we made one; network and mounts of each host in order; the socket
        to the forwarder, if there is one. Raises SetupError when no tier can be had.
        """
        user = self._build()
        descriptors = [user] if user >= 0 else []
        for built in self.hosts.values():
            descriptors += [built.namespaces.network, built.namespaces.mounts]
        if self.tier != "netem":
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.forwarder = self._fork_forwarder(theirs, ours)
            theirs.close()
            descriptors.append(ours.detach())
        for built in self.hosts.values():
            construction.let_go(built)
        scheduling = run_soon(self.forwarder) if self.forwarder else ""
        in_effect = {name: built.in_effect for name, built in self.hosts.items()}
        answer = {"tier": self.tier, "own_user": user >= 0, "scheduling": scheduling, "hosts": in_effect}
        return answer, descriptors

    def _build(self) -> int:
        """Builds the hosts; returns the descriptor of our user namespace, -1 for none."""
        refusals: list[Refusal] = []
        user, entered = -1, False
        for tier in self.plan.tiers:
            refusal = unable(tier, self.plan)
            if refusal is not None:
                refusals.append(refusal)
                continue
            self.tier = tier
            if tier == "proxy":
                self.plan = on_loopback(self.plan, os.getpid())
                return user
            try:
                if not entered:
                    user, entered = enter_rights(), True
                self.ground = construction.lay_ground(tier, self.plan)
                for host in self.plan.hosts:
                    self.hosts[host.name] = construction.build(tier, self.ground, host)
            except Refused as error:
                refusals.append(structs.replace(error.refusal, tier=tier))
                self.hosts.clear()
            else:
                return user
        raise nothing_fits(refusals)

    def _fork_forwarder(self, control: socket.socket, other: socket.socket) -> int:
        """Starts the process that carries the packets, and returns its pid."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            other.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent(parent)
            if self.tier == "proxy":
                from hinterland.rig.link.carrier.proxy import run_proxy

                run_proxy(self.plan, control)
            else:
                self._forward(control)
            status = 0
        finally:
            os._exit(status)

    def _forward(self, control: socket.socket) -> None:
        """Carries packets between the hosts' ends until the control socket is closed."""
        from hinterland.rig.link.carrier.forwarder import End, Engine
        from hinterland.rig.link.carrier.recorder import Recorder

        plan = self.plan
        ends = [
            End(name, tuple(filter(None, (one.plan.address, one.plan.address6))), one.end, one.prefix)
            for name, one in self.hosts.items()
        ]
        shapes = {name: (one.plan.up, one.plan.down) for name, one in self.hosts.items()}
        recorder = Recorder(tuple(shapes), plan.packets_limit) if plan.packets_limit else None
        Engine(ends, shapes, plan.seed, recorder).run(control)

    def serve(self, control: socket.socket, told_to_end: int) -> None:
        """Answers until the other side is gone or `told_to_end` is readable, then ends everything."""
        try:
            while True:
                if told_to_end in select.select([control.fileno(), told_to_end], [], [])[0]:
                    return
                request = control.recv(LARGEST_REQUEST)
                if not request:
                    return
                try:
                    answer, made = self.answer(msgspec.json.decode(request))
                except (OSError, HinterlandError, ValueError, KeyError) as error:
                    answer, made = failed(error), None
                reply(control, answer, [made.fileno()] if made is not None else [])
                if made is not None:
                    made.close()
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            # Our parent may have been killed: what it put into the hosts must not outlive it.
            self.clear()
            self.end_forwarder()

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], socket.socket | None]:
        """Does what one request asks for; returns the answer and a socket to pass with it."""
        match request["do"]:
            case "socket":
                host = self.hosts[request["host"]]
                made = construction.make_socket(host, request["family"], request["type"], request["protocol"])
                return {}, made
            case "settings":
                wanted = msgspec.convert(request["settings"], HostSettings)
                host = self.hosts[request["host"]]
                return {"in_effect": construction.apply(self.plan, host, wanted)}, None
            case "shape" if self.ground is not None:
                shapes = shape_from(request["up"]), shape_from(request["down"])
                construction.reshape(self.ground, self.hosts[request["host"]], *shapes)
                return {}, None
            case "clear":
                return {"ended": self.clear()}, None
            case "drops":
                if self.ground is None:
                    return {"drops": {}}, None
                found = {name: construction.drops(self.ground, one) for name, one in self.hosts.items()}
                return {"drops": found}, None
        raise ValueError(f"unknown request {request['do']!r}")

    def clear(self) -> int:
        """Ends every program in the hosts, and returns how many there were."""
        networks = [one.namespaces.network for one in self.hosts.values() if one.namespaces.network >= 0]
        return end_inhabitants(networks, besides=(self.forwarder,))

    def end_forwarder(self) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            if self.forwarder:
                os.kill(self.forwarder, signal.SIGKILL)
                os.waitpid(self.forwarder, 0)


if __name__ == "__main__":
    main()
