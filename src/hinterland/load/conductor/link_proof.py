"""What proves to a load that it runs in a host of a link: a note of the link's own, which only holds there.

`hinterland link` hands its command the note in its environment. It names the network that the host is, the
process that keeps the link, and the addresses of its hosts, and is sealed with this user's secret, as
consent tokens are. A load that is in that very network, while that very process keeps it, can reach those
addresses and nobody beyond them. Anywhere else, or later, the note says nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import msgspec

from hinterland.errors import SetupError
from hinterland.load.conductor.token import secret_of, state_folder
from hinterland.rig.link.host import Host

VARIABLE = "HINTERLAND_LINK"


class Note(msgspec.Struct, frozen=True):
    """network: device and number of the host's network namespace. keeper, since: the process that keeps the
    link, and when it began, in ticks since the machine did.
    """

    network: tuple[int, int]
    keeper: int
    since: int
    addresses: tuple[str, ...]


def note_for(host: Host, state: Path | None = None) -> dict[str, str]:
    """Returns the environment that proves to a load in `host` that it is there; none without a secret."""
    network = os.fstat(host.namespaces.network)
    hosts = host.link.hosts.values()
    addresses = tuple(each for one in hosts for each in (one.address, one.address6) if each)
    keeper = os.getpid()
    note = Note((network.st_dev, network.st_ino), keeper, _since(keeper), addresses)
    text = msgspec.json.encode(note)
    try:
        return {VARIABLE: f"{_seal(text, state)} {text.decode()}"}
    except SetupError:
        # A link needs no home folder; the load will say that it does.
        return {}


def proven(state: Path | None = None) -> frozenset[str]:
    """Returns the addresses of the link's hosts if this process is in one of them, else none."""
    seal, _, text = os.environ.get(VARIABLE, "").partition(" ")
    if not text:
        return frozenset()
    try:
        if not hmac.compare_digest(seal.encode(), _seal(text.encode(), state).encode()):
            return frozenset()
        note = msgspec.json.decode(text, type=Note)
        here = os.stat("/proc/self/ns/net")
        holds = note.network == (here.st_dev, here.st_ino) and _since(note.keeper) == note.since
    except (OSError, ValueError, SetupError, msgspec.MsgspecError):
        return frozenset()
    return frozenset(note.addresses) if holds else frozenset()


def _seal(text: bytes, state: Path | None) -> str:
    secret = secret_of(state_folder() if state is None else state)
    return hmac.new(secret, b"link " + text, hashlib.sha256).hexdigest()


def _since(pid: int) -> int:
    """Returns when a process began.

    Raises OSError where there is none. A number is given again; this is not.
    """
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
