"""The packets of a link as the forwarder sees them, kept in columns and written to a file at the end.

Needs the standard library alone. The file is one line of JSON, the header, then the columns as they stand in
memory, in the order of COLUMNS, then the first bytes of each packet; `packet_file.py` reads it.
"""

from __future__ import annotations

import json
import time
from array import array

from hinterland.rig.link.carrier.pcap import Capture, write_pcap
from hinterland.rig.link.pipe.pipe import DELIVERED, NO_INDEX

HEAD_BYTES = 128
"""As model.packets.HEAD_BYTES, which can't be imported where numpy is too slow to load."""

MOST_HEADS_BYTES = 4_000_000
"""So much may the first bytes of all packets take together: a short log keeps its packets whole."""

PENDING_NS = -1
COLUMNS = (
    ("source", "h"),
    ("destination", "h"),
    ("sent_ns", "q"),
    ("done_ns", "q"),
    ("size_bytes", "i"),
    ("fate", "b"),
    ("duplicate", "b"),
)
MAGIC = "hinterland packets 2"


class Recorder:
    """Keeps up to `limit` packets whole; counts those that came later."""

    def __init__(self, hosts: tuple[str, ...], limit: int = 20_000) -> None:
        self.hosts = hosts
        self.limit = limit
        self.left_out = 0
        self.frames: list[bytes] = []
        self.source = array("h")
        self.destination = array("h")
        self.sent_ns = array("q")
        self.done_ns = array("q")
        self.size_bytes = array("i")
        self.fate = array("b")
        self.duplicate = array("b")

    def entered(self, now_ns: int, source: int, destination: int, packet: bytes, copy: bool = False) -> int:
        """Returns the index of a packet that has just entered, NO_INDEX once the log is full."""
        index = len(self.frames)
        if index >= self.limit:
            self.left_out += 1
            return NO_INDEX
        self.frames.append(packet)
        self.source.append(source)
        self.destination.append(destination)
        self.sent_ns.append(now_ns)
        self.done_ns.append(PENDING_NS)
        self.size_bytes.append(len(packet))
        self.fate.append(DELIVERED)
        self.duplicate.append(copy)
        return index

    def copied(self, index: int) -> int:
        """Returns the index of a copy of packet `index`."""
        if index == NO_INDEX:
            self.left_out += 1
            return NO_INDEX
        return self.entered(
            self.sent_ns[index], self.source[index], self.destination[index], self.frames[index], True
        )

    def delivered(self, index: int, now_ns: int) -> None:
        """Notes when a packet was handed over."""
        if index != NO_INDEX:
            self.done_ns[index] = now_ns

    def dropped(self, index: int, fate: int) -> None:
        """Notes why a packet was not."""
        if index != NO_INDEX:
            self.fate[index] = fate

    def head_bytes(self) -> int:
        """Returns how much of each packet is written: as much as the room for all of them allows."""
        largest = max(self.size_bytes, default=0)
        return max(HEAD_BYTES, min(largest, MOST_HEADS_BYTES // max(len(self.frames), 1)))

    def write(self, path: str) -> None:
        """Writes what is known so far; a packet still under way is written as delivered with done_ns -1."""
        width = self.head_bytes()
        header = {
            "magic": MAGIC,
            "hosts": self.hosts,
            "packets": len(self.frames),
            "head_bytes": width,
            "left_out": self.left_out,
        }
        with open(path, "wb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            for name, _ in COLUMNS:
                file.write(getattr(self, name).tobytes())
            for frame in self.frames:
                file.write(frame[:width].ljust(width, b"\0"))

    def write_pcap(self, path: str, host: int) -> int:
        """Writes what a capture at `host` would have seen: its own packets as sent, others' as they arrived.

        Returns the number of packets.
        """
        # The log counts from the machine's start; a capture has the time of day.
        offset_ns = time.time_ns() - time.monotonic_ns()
        seen: list[Capture] = []
        for index, frame in enumerate(self.frames):
            if self.source[index] == host and not self.duplicate[index]:
                seen.append((self.sent_ns[index] + offset_ns, frame))
            if self.destination[index] == host and self.done_ns[index] != PENDING_NS:
                seen.append((self.done_ns[index] + offset_ns, frame))
        seen.sort(key=lambda capture: capture[0])
        write_pcap(path, seen)
        return len(seen)
