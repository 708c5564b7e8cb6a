"""What the run, its keeper and its trials say to each other: one JSON object a line over two pipes."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from hinterland.errors import Packed
from hinterland.model.history import Event
from hinterland.model.run import PlannedTrial
from hinterland.model.verdict import TrialResult
from hinterland.model.weather import Weather


class Begin(Struct, frozen=True, tag="begin"):
    """Run to keeper: fork this trial. `timeout_s` ends one that hangs. `pcap`: its links write pcap files."""

    trial: PlannedTrial
    timeout_s: float
    pcap: bool = False


class Abort(Struct, frozen=True, tag="abort"):
    """Run to keeper: end the trial under way."""


class Ready(Struct, frozen=True, tag="ready"):
    """Keeper to run: the experiment's code is loaded."""

    scratch: str


class Broken(Struct, frozen=True, tag="broken"):
    """Keeper to run: it could not start."""

    error: Packed


class Noted(Struct, frozen=True, tag="noted"):
    """Trial to run: something happened that the live view shows."""

    event: Event


class Finished(Struct, frozen=True, tag="finished"):
    """Trial to run: its result, its history being on disk. `stop` ends the run (a store that is full)."""

    result: TrialResult
    stop: Packed | None = None


class Exited(Struct, frozen=True, tag="exited"):
    """Keeper to run: the trial's process and all below it are gone.

    status: exit status, negative for a signal. weather: what others did on the machine meanwhile.
    """

    status: int
    ended: str
    weather: Weather


Command = Begin | Abort
Report = Ready | Broken | Noted | Finished | Exited

command_decoder = msgspec.json.Decoder(Command)
report_decoder = msgspec.json.Decoder(Report)


def line(message: Command | Report) -> bytes:
    """Returns the message as one line of JSON."""
    return msgspec.json.encode(message) + b"\n"
