"""Scripted drops: "the 3rd packet with payload". Reads just enough of IPv4, IPv6, TCP and UDP headers."""

from __future__ import annotations

from hinterland.rig.link.pipe.shape import parse_drops

TCP, UDP, FRAGMENT = 6, 17, 44
SYN = 0x02
_EXTENSIONS = {0, 43, 60}
_NOTHING: frozenset[str] = frozenset()


def kinds(frame: bytes, skip: int = 0) -> frozenset[str]:
    """Returns which kinds of packet (data, syn, udp) the IP packet at frame[skip:] is.

    `data` is a TCP segment or UDP datagram that carries at least one byte. Of a fragmented packet only
    the first fragment shows its kind. A packet that is cut short or unknown has no kind.
    """
    try:
        protocol, start, end = _transport(frame, skip)
        if protocol == UDP:
            return frozenset(("udp", "data")) if end - start > 8 else frozenset(("udp",))
        if protocol != TCP:
            return _NOTHING
        has = {"syn"} if frame[start + 13] & SYN else set()
        if end - start > (frame[start + 12] >> 4) * 4:
            has.add("data")
        return frozenset(has)
    except IndexError:
        return _NOTHING


def _transport(frame: bytes, skip: int) -> tuple[int, int, int]:
    """Returns (protocol, start of its header, end of the IP packet); protocol -1 where there is none."""
    version = frame[skip] >> 4
    if version == 4:
        if (frame[skip + 6] << 8 | frame[skip + 7]) & 0x1FFF:
            return -1, 0, 0
        end = skip + (frame[skip + 2] << 8 | frame[skip + 3])
        return frame[skip + 9], skip + (frame[skip] & 15) * 4, end
    if version != 6:
        return -1, 0, 0
    end = skip + 40 + (frame[skip + 4] << 8 | frame[skip + 5])
    protocol, start = frame[skip + 6], skip + 40
    while protocol in _EXTENSIONS or protocol == FRAGMENT:
        if protocol == FRAGMENT and (frame[start + 2] << 8 | frame[start + 3]) >> 3:
            return -1, 0, 0
        length = 8 if protocol == FRAGMENT else 8 * (frame[start + 1] + 1)
        protocol, start = frame[start], start + length
    return protocol, start, end


class Script:
    """Counts packets by kind and says which ones to drop."""

    def __init__(self, drops: tuple[str, ...]) -> None:
        self._numbers = parse_drops(drops)
        self._seen = dict.fromkeys(self._numbers, 0)
        self._left = sum(len(numbers) for numbers in self._numbers.values())

    def takes(self, frame: bytes, skip: int) -> bool:
        """Returns whether this packet is to be dropped."""
        if not self._left:
            return False
        has = kinds(frame, skip)
        drop = False
        for kind, numbers in self._numbers.items():
            if kind == "any" or kind in has:
                self._seen[kind] += 1
                if self._seen[kind] in numbers:
                    self._left -= 1
                    drop = True
        return drop
