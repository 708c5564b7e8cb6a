"""What the forwarder writes down is what the trial reads, and what other programs read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from packet_samples import ipv4, ipv6, tcp, udp

from hinterland.errors import InternalError
from hinterland.model import packets
from hinterland.rig.link import audit
from hinterland.rig.link.carrier import recorder
from hinterland.rig.link.carrier.packet_file import read_packets
from hinterland.rig.link.carrier.pcap import write_pcap
from hinterland.rig.link.carrier.recorder import Recorder
from hinterland.rig.link.pipe.pipe import LOST, NO_INDEX

LONG = ipv4(tcp(payload=bytes(range(256)) * 4))
SHORT = ipv6(udp(b"q"), 17)


def test_what_is_repeated_for_a_fast_start_is_the_same() -> None:
    assert recorder.HEAD_BYTES == packets.HEAD_BYTES
    assert packets.DROPPED == recorder.PENDING_NS
    assert audit.FATES == packets.FATES


def kept() -> Recorder:
    made = Recorder(("client", "server"), limit=4)
    first = made.entered(100, 0, 1, LONG)
    second = made.entered(200, 1, 0, SHORT)
    twin = made.copied(first)
    third = made.entered(300, 0, 1, SHORT)
    made.delivered(first, 1100)
    made.delivered(twin, 1150)
    made.delivered(second, 1200)
    made.dropped(third, LOST)
    return made


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = kept()
    assert made.entered(400, 0, 1, SHORT) == NO_INDEX
    assert made.copied(NO_INDEX) == NO_INDEX
    made.delivered(NO_INDEX, 5)
    made.dropped(NO_INDEX, LOST)
    made.write(str(tmp_path / "log"))

    log = read_packets(tmp_path / "log")

    assert log.hosts == ("client", "server")
    assert log.left_out == 2
    assert len(log) == 4
    # A copy stands behind its original.
    assert log.sent_ns.tolist() == [100, 100, 200, 300]
    assert log.duplicate.tolist() == [False, True, False, False]
    assert log.done_ns.tolist() == [1100, 1150, 1200, packets.DROPPED]
    assert [packets.FATES[fate] for fate in log.fate] == ["delivered", "delivered", "delivered", "lost"]
    assert log.source.tolist() == [0, 0, 1, 0]
    assert log.destination.tolist() == [1, 1, 0, 1]
    assert log.size_bytes.tolist() == [len(LONG), len(LONG), len(SHORT), len(SHORT)]
    # There is room for the whole of a few packets.
    assert log.head[0].tobytes() == LONG
    assert log.head[2].tobytes() == SHORT.ljust(len(LONG), b"\0")
    expected = (np.int16, np.int64, np.int32, np.int8, np.bool_, np.uint8)
    found = (log.source, log.sent_ns, log.size_bytes, log.fate, log.duplicate, log.head)
    assert tuple(column.dtype for column in found) == expected


def test_a_long_log_keeps_heads_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_HEADS_BYTES", 3 * packets.HEAD_BYTES)
    kept().write(str(tmp_path / "log"))

    log = read_packets(tmp_path / "log")

    assert log.head.shape == (4, packets.HEAD_BYTES)
    assert log.head[0].tobytes() == LONG[: packets.HEAD_BYTES]


def test_an_empty_log(tmp_path: Path) -> None:
    Recorder(("a", "b")).write(str(tmp_path / "log"))

    log = read_packets(tmp_path / "log")

    assert len(log) == 0
    assert log.head.shape == (0, packets.HEAD_BYTES)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: b'{"magic":"x"}\n']
)
def test_a_damaged_log_is_refused(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "log"
    kept().write(str(path))
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

    with pytest.raises(InternalError, match="not a whole packet log"):
        read_packets(path)


def captured(path: Path) -> list[tuple[int, bytes]]:
    """Reads a classic capture by its specification, without the code under test."""
    data = path.read_bytes()
    magic, major, minor, _, _, snap, kind = struct.unpack_from("=IHHiIII", data)
    assert (magic, major, minor, kind) == (0xA1B23C4D, 2, 4, 101)
    found, at = [], 24
    while at < len(data):
        seconds, rest_ns, here, whole = struct.unpack_from("=IIII", data, at)
        assert here == whole <= snap
        assert rest_ns < 1_000_000_000
        found.append((seconds * 1_000_000_000 + rest_ns, data[at + 16 : at + 16 + here]))
        at += 16 + here
    return found


def test_a_capture_holds_whole_packets_with_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    times = [(1_700_000_000_123_456_789, LONG), (1_700_000_001_000_000_000, SHORT)]

    write_pcap(str(path), times)

    assert captured(path) == times


def test_a_capture_at_a_host_shows_what_that_host_saw(tmp_path: Path) -> None:
    made = kept()
    path = tmp_path / "capture.pcap"

    assert made.write_pcap(str(path), 0) == 3
    at_client = captured(path)
    assert made.write_pcap(str(path), 1) == 3
    at_server = captured(path)

    # The client sees its own packets leave, the lost one too; the server sees what came, the copy too.
    assert [packet for _, packet in at_client] == [LONG, SHORT, SHORT]
    assert [packet for _, packet in at_server] == [SHORT, LONG, LONG]
    assert [time - at_client[0][0] for time, _ in at_client] == [0, 200, 1100]
    assert at_client[0][0] > 1_600_000_000_000_000_000
