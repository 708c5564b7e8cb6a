"""Everything that an `experiment.py` may import: one face, whatever moves behind it.

Names are imported when first used, so that an experiment brings along what it uses and nothing else. Its test
has `hinterland.lab.testing`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE: dict[str, str] = {
    # A trial, and what it leaves.
    "Assumption": "model.verdict",
    "Event": "model.history",
    "Finding": "model.verdict",
    "History": "model.history",
    "Level": "model.experiment",
    "LoadSample": "model.history",
    "Operation": "model.history",
    "Outcome": "model.verdict",
    "PORT": "runner.trials.trial",
    "Trial": "runner.trials.trial",
    "UNFINISHED": "model.history",
    "Where": "model.experiment",
    "WitnessEvent": "model.verdict",
    # What was assumed, read off a history.
    "all_answered": "checkers.assumptions",
    "answered": "checkers.assumptions",
    "assume": "checkers.assumptions",
    "charges": "checkers.charges",
    "fastest_agree": "checkers.assumptions",
    "overlapped": "checkers.assumptions",
    "standstills": "checkers.standstills",
    "told": "checkers.stories",
    # Processes, services, machines.
    "Argument": "rig.processes.command",
    "Certificate": "rig.certificate",
    "certificate": "rig.certificate",
    "connections": "rig.probes.sockets",
    "counters": "rig.probes.sockets",
    "find_program": "rig.machine.needs",
    "free_threaded_python": "rig.machine.interpreters",
    "limits": "rig.processes.limits",
    "LogReady": "rig.readiness",
    "Nginx": "rig.services.nginx",
    "Process": "rig.process",
    "start_neighbour": "lab.neighbour",
    "StepPoints": "rig.steps",
    "tcp_info": "rig.probes.sockets",
    "TcpReady": "rig.readiness",
    "unacknowledged_bytes": "rig.probes.sockets",
    "until_ready": "rig.readiness",
    # Services.
    "caddy": "rig.services.caddy",
    "haproxy": "rig.services.haproxy",
    "nats": "rig.services.nats",
    "nginx": "rig.services.nginx",
    "postgresql": "rig.services.postgresql",
    "redis": "rig.services.redis",
    # A network, and what crossed it.
    "Burst": "rig.link.pipe.shape",
    "FATES": "model.packets",
    "Host": "rig.link.host",
    "HostLink": "rig.link.kernel.plan",
    "HostSettings": "rig.link.kernel.settings",
    "of_port": "packets.parts",
    "PacketLog": "model.packets",
    "RecordedLink": "rig.link.recorded",
    "Shape": "rig.link.pipe.shape",
    "since": "packets.parts",
    # One request at a time.
    "classify": "clients.operations",
    "Client": "clients.asking",
    "HttpClient": "clients.http",
    "NotSent": "clients.http",
    "Operations": "clients.operations",
    "Planned": "clients.operations",
    "Response": "clients.message",
    "Unanswered": "clients.http",
    # Loads, crowds, audiences.
    "addresses": "clients.sources",
    "allow_open_files": "lab.crowd.crowd",
    "Audiences": "lab.audience.audiences",
    "constant": "load.engine.arrivals",
    "Crowds": "lab.crowd.crowds",
    "Following": "lab.audience.following",
    "OTHER_FILES": "lab.crowd.crowd",
    "poisson": "load.engine.arrivals",
    "Request": "clients.message",
    "socket_maker": "clients.sources",
    "summarise": "lab.summary",
    # Numbers.
    "end_of_warmup": "statistics.warmup",
    "percentile": "statistics.percentiles",
    "time_each": "statistics.pace",
    # What may go wrong.
    "SetupError": "errors",
    "SystemFailure": "errors",
    "UsageError": "errors",
}
"""For each name the module of the package that has it."""

__all__ = [
    "FATES",
    "OTHER_FILES",
    "PORT",
    "UNFINISHED",
    "Argument",
    "Assumption",
    "Audiences",
    "Burst",
    "Certificate",
    "Client",
    "Crowds",
    "Event",
    "Finding",
    "Following",
    "History",
    "Host",
    "HostLink",
    "HostSettings",
    "HttpClient",
    "Level",
    "LoadSample",
    "LogReady",
    "Nginx",
    "NotSent",
    "Operation",
    "Operations",
    "Outcome",
    "PacketLog",
    "Planned",
    "Process",
    "RecordedLink",
    "Request",
    "Response",
    "SetupError",
    "Shape",
    "StepPoints",
    "SystemFailure",
    "TcpReady",
    "Trial",
    "Unanswered",
    "UsageError",
    "Where",
    "WitnessEvent",
    "addresses",
    "all_answered",
    "allow_open_files",
    "answered",
    "assume",
    "caddy",
    "certificate",
    "charges",
    "classify",
    "connections",
    "constant",
    "counters",
    "end_of_warmup",
    "fastest_agree",
    "find_program",
    "free_threaded_python",
    "haproxy",
    "limits",
    "nats",
    "nginx",
    "of_port",
    "overlapped",
    "percentile",
    "poisson",
    "postgresql",
    "redis",
    "since",
    "socket_maker",
    "standstills",
    "start_neighbour",
    "summarise",
    "tcp_info",
    "time_each",
    "told",
    "unacknowledged_bytes",
    "until_ready",
]

if TYPE_CHECKING:
    from hinterland.checkers import charges as charges
    from hinterland.checkers import standstills as standstills
    from hinterland.checkers.assumptions import all_answered as all_answered
    from hinterland.checkers.assumptions import answered as answered
    from hinterland.checkers.assumptions import assume as assume
    from hinterland.checkers.assumptions import fastest_agree as fastest_agree
    from hinterland.checkers.assumptions import overlapped as overlapped
    from hinterland.checkers.stories import told as told
    from hinterland.clients.asking import Client as Client
    from hinterland.clients.http import HttpClient as HttpClient
    from hinterland.clients.http import NotSent as NotSent
    from hinterland.clients.http import Unanswered as Unanswered
    from hinterland.clients.message import Request as Request
    from hinterland.clients.message import Response as Response
    from hinterland.clients.operations import Operations as Operations
    from hinterland.clients.operations import Planned as Planned
    from hinterland.clients.operations import classify as classify
    from hinterland.clients.sources import addresses as addresses
    from hinterland.clients.sources import socket_maker as socket_maker
    from hinterland.errors import SetupError as SetupError
    from hinterland.errors import SystemFailure as SystemFailure
    from hinterland.errors import UsageError as UsageError
    from hinterland.lab.audience.audiences import Audiences as Audiences
    from hinterland.lab.audience.following import Following as Following
    from hinterland.lab.crowd.crowd import OTHER_FILES as OTHER_FILES
    from hinterland.lab.crowd.crowd import allow_open_files as allow_open_files
    from hinterland.lab.crowd.crowds import Crowds as Crowds
    from hinterland.lab.neighbour import start_neighbour as start_neighbour
    from hinterland.lab.summary import summarise as summarise
    from hinterland.load.engine.arrivals import constant as constant
    from hinterland.load.engine.arrivals import poisson as poisson
    from hinterland.model.experiment import Level as Level
    from hinterland.model.experiment import Where as Where
    from hinterland.model.history import UNFINISHED as UNFINISHED
    from hinterland.model.history import Event as Event
    from hinterland.model.history import History as History
    from hinterland.model.history import LoadSample as LoadSample
    from hinterland.model.history import Operation as Operation
    from hinterland.model.packets import FATES as FATES
    from hinterland.model.packets import PacketLog as PacketLog
    from hinterland.model.verdict import Assumption as Assumption
    from hinterland.model.verdict import Finding as Finding
    from hinterland.model.verdict import Outcome as Outcome
    from hinterland.model.verdict import WitnessEvent as WitnessEvent
    from hinterland.packets.parts import of_port as of_port
    from hinterland.packets.parts import since as since
    from hinterland.rig.certificate import Certificate as Certificate
    from hinterland.rig.certificate import certificate as certificate
    from hinterland.rig.link.host import Host as Host
    from hinterland.rig.link.kernel.plan import HostLink as HostLink
    from hinterland.rig.link.kernel.settings import HostSettings as HostSettings
    from hinterland.rig.link.pipe.shape import Burst as Burst
    from hinterland.rig.link.pipe.shape import Shape as Shape
    from hinterland.rig.link.recorded import RecordedLink as RecordedLink
    from hinterland.rig.machine.interpreters import free_threaded_python as free_threaded_python
    from hinterland.rig.machine.needs import find_program as find_program
    from hinterland.rig.probes.sockets import connections as connections
    from hinterland.rig.probes.sockets import counters as counters
    from hinterland.rig.probes.sockets import tcp_info as tcp_info
    from hinterland.rig.probes.sockets import unacknowledged_bytes as unacknowledged_bytes
    from hinterland.rig.process import Process as Process
    from hinterland.rig.processes import limits as limits
    from hinterland.rig.processes.command import Argument as Argument
    from hinterland.rig.readiness import LogReady as LogReady
    from hinterland.rig.readiness import TcpReady as TcpReady
    from hinterland.rig.readiness import until_ready as until_ready
    from hinterland.rig.services.caddy import caddy as caddy
    from hinterland.rig.services.haproxy import haproxy as haproxy
    from hinterland.rig.services.nats import nats as nats
    from hinterland.rig.services.nginx import Nginx as Nginx
    from hinterland.rig.services.nginx import nginx as nginx
    from hinterland.rig.services.postgresql import postgresql as postgresql
    from hinterland.rig.services.redis import redis as redis
    from hinterland.rig.steps import StepPoints as StepPoints
    from hinterland.runner.trials.trial import PORT as PORT
    from hinterland.runner.trials.trial import Trial as Trial
    from hinterland.statistics.pace import time_each as time_each
    from hinterland.statistics.percentiles import percentile as percentile
    from hinterland.statistics.warmup import end_of_warmup as end_of_warmup


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        from hinterland.rig import services

        # A service needs no line here: it is a module, and a function by the same name.
        if name not in services.names():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        where = f"rig.services.{name}"
    module = importlib.import_module(f"hinterland.{where}")
    # Of some modules, such as `limits`, the whole of it is handed on.
    return getattr(module, name, module)
