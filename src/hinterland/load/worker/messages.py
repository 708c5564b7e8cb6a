"""What a load and the processes of its generator say to each other: a length, then MessagePack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from hinterland.errors import Packed
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.worker.fold import Part


class Job(Struct, frozen=True, tag="job"):
    """The first frame to a process: the plan, which process of how many it is, how many connections it has.

    scheduler: how it waits for the next due moment. addresses: those that its connections come from, in turn;
    none: the kernel chooses. operations: the file that its operations go to, empty if none.
    """

    plan: LoadPlan
    number: int
    of: int
    connections: int
    scheduler: str
    addresses: tuple[str, ...] = ()
    operations: str = ""


class Go(Struct, frozen=True, tag="go"):
    """All connections of all processes are open: the load starts at `start_ns` of CLOCK_MONOTONIC."""

    start_ns: int


class Stop(Struct, frozen=True, tag="stop"):
    """Begin nothing more, count what is under way as unfinished, and end."""


class Ready(Struct, frozen=True, tag="ready"):
    """A process has opened what it could. kinds: the names of its requests."""

    kinds: tuple[str, ...]


class Counted(Struct, frozen=True, tag="counted"):
    """What was counted since the last frame; the last one of a process says so."""

    part: Part
    last: bool = False


class Broken(Struct, frozen=True, tag="broken"):
    """A process can't go on."""

    error: Packed


ToWorker = Job | Go | Stop
FromWorker = Ready | Counted | Broken

LENGTH_BYTES = 4
_encoder = msgspec.msgpack.Encoder(enc_hook=lambda value: _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    raise NotImplementedError(type(value))


def _array(kind: type, value: Any) -> Any:
    name, data = value
    return np.frombuffer(data, np.dtype(name))


def encode(frame: ToWorker | FromWorker) -> bytes:
    """Returns a frame as bytes."""
    body = _encoder.encode(frame)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class Frames:
    """Cuts a stream of bytes into frames of one of the two directions."""

    def __init__(self, direction: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(direction, dec_hook=_array)
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Yields the frames that these bytes complete."""
        self._held += data
        while len(self._held) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self._held[:LENGTH_BYTES], "big")
            if len(self._held) < end:
                return
            frame = self._decoder.decode(bytes(self._held[LENGTH_BYTES:end]))
            del self._held[:end]
            yield frame
