"""What one direction of a link does to packets, as one validated value."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from hinterland.errors import UsageError

FULL_PACKET_BYTES = 1500
DEFAULT_QUEUE_MS = 100.0
DEFAULT_QUEUE_PACKETS = 10

_RANGES: dict[str, tuple[float, float, str]] = {
    "delay_ms": (0, 60_000, "Give a one-way delay in milliseconds, such as 25."),
    "jitter_ms": (0, 60_000, "Give the largest deviation from the delay in milliseconds, such as 2."),
    "loss": (0, 1, "Give a share, such as 0.02 for 2 %."),
    "reorder": (0, 1, "Give a share, such as 0.01 for 1 %."),
    "reorder_ms": (0, 60_000, "Give how long such a packet is held back, such as 5."),
    "duplicate": (0, 1, "Give a share, such as 0.01 for 1 %."),
    "rate_mbit": (0.001, 100_000, "Give megabits a second, such as 10; leave it out for no limit."),
    "queue_bytes": (1, 1 << 40, "Give the bytes that may wait, such as 150000."),
    "queue_ms": (0.001, 600_000, "Give how much of the rate may wait, such as 100."),
    "mtu": (68, 65_535, "Give the largest IP packet in bytes, such as 1400."),
    "to_bad": (0, 1, "Give the chance of turning bad at each packet, such as 0.01."),
    "to_good": (0, 1, "Give the chance of turning good at each packet, such as 0.3."),
    "loss_bad": (0, 1, "Give a share, such as 1."),
    "loss_good": (0, 1, "Give a share, such as 0."),
}
DISCIPLINES = ("droptail", "codel")


class Burst(Struct, frozen=True, forbid_unknown_fields=True):
    """Losses in bursts: the two-state chain of Gilbert (1960) and Elliott (1963).

    At each packet the chain may move from good to bad (chance `to_bad`) or back (`to_good`); then the packet
    is lost with `loss_good` or `loss_bad`. A burst lasts 1 / to_good packets on average, and
    to_bad / (to_bad + to_good) of the packets meet the bad state.
    """

    to_bad: float
    to_good: float
    loss_bad: float = 1.0
    loss_good: float = 0.0

    def __post_init__(self) -> None:
        _check_ranges(self)
        if self.to_bad + self.to_good == 0:
            raise UsageError(
                "burst: to_bad=0 and to_good=0: the chain could never move.",
                "Give both a chance above 0, such as Burst(to_bad=0.01, to_good=0.3).",
            )

    @property
    def share(self) -> float:
        """The share of packets that are lost in the long run."""
        bad = self.to_bad / (self.to_bad + self.to_good)
        return bad * self.loss_bad + (1 - bad) * self.loss_good


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What one direction does; the empty shape hands packets on at once.

    A packet passes, in this order: `cut` (drops all), `mtu` (drops larger IP packets and tells nobody),
    `drop` (scripted), `loss` or `burst`, `duplicate`, the queue (`rate_mbit` or `trace`), and the delay.

    delay_ms: one way. jitter_ms: each packet's delay is uniform within delay_ms +- jitter_ms, but a packet
    never overtakes another, so jitter alone does not reorder. reorder: the share of packets that is held back
    for another reorder_ms (default: a quarter of the delay, at least 1 ms), so that others overtake it.
    rate_mbit counts IP bytes. queue_bytes or queue_ms: what may wait, with the packet that is being sent;
    the default is 100 ms of the rate, at least 10 full packets. A packet that finds the link free is always
    taken. drop: such as ("data:3", "syn:1"), the 3rd packet with payload and the 1st SYN, counted from when
    the shape took effect; kinds: any, data, syn, udp. trace: a mahimahi capacity file, instead of rate_mbit.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    burst: Burst | None = None
    reorder: float = 0.0
    reorder_ms: float | None = None
    duplicate: float = 0.0
    rate_mbit: float | None = None
    queue_bytes: int | None = None
    queue_ms: float | None = None
    discipline: Literal["droptail", "codel"] = "droptail"
    drop: tuple[str, ...] = ()
    trace: str | None = None
    mtu: int | None = None
    cut: bool = False

    def __post_init__(self) -> None:
        _check_ranges(self)
        _check_together(self)
        parse_drops(self.drop)

    @property
    def identity(self) -> bool:
        """Whether it changes nothing, so that packets may skip it."""
        return self == _NOTHING

    @property
    def limited(self) -> bool:
        """Whether packets may have to wait for capacity."""
        return self.rate_mbit is not None or self.trace is not None

    def queue_limit_bytes(self, rate_mbit: float) -> int:
        """Returns how many bytes may wait at `rate_mbit`, the rate itself or the mean of the trace."""
        if self.queue_bytes is not None:
            return self.queue_bytes
        if self.queue_ms is not None:
            return max(1, round(self.queue_ms * rate_mbit * 125))
        return max(round(DEFAULT_QUEUE_MS * rate_mbit * 125), DEFAULT_QUEUE_PACKETS * FULL_PACKET_BYTES)

    @property
    def held_back_ms(self) -> float:
        """How much later than the others a reordered packet arrives."""
        return self.reorder_ms if self.reorder_ms is not None else max(1.0, self.delay_ms / 4)


def shape_from(fields: dict[str, Any]) -> Shape:
    """Returns the shape of decoded JSON; raises UsageError for a name or type that it does not know."""
    try:
        return msgspec.convert(fields, Shape)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"shape {fields}: {error}.", f"Its fields are: {', '.join(Shape.__struct_fields__)}."
        ) from error


DROP_KINDS = ("any", "data", "syn", "udp")


def parse_drops(drops: tuple[str, ...]) -> dict[str, frozenset[int]]:
    """Returns for each kind of packet which ones (counted from 1) are to be dropped."""
    found: dict[str, set[int]] = {}
    if isinstance(drops, str):
        raise UsageError(f"drop={drops!r} must be a tuple of texts.", f"Write drop=({drops!r},).")
    for text in drops:
        kind, _, number = str(text).partition(":")
        if kind not in DROP_KINDS or not (number.isascii() and number.isdigit()) or int(number) < 1:
            raise UsageError(
                f"drop={text!r} must be KIND:NUMBER with a kind of {', '.join(DROP_KINDS)}, counted from 1.",
                'Write "data:3" for the 3rd packet with payload, "syn:1" for the 1st SYN.',
            )
        found.setdefault(kind, set()).add(int(number))
    return {kind: frozenset(numbers) for kind, numbers in found.items()}


def _check_ranges(shape: Struct) -> None:
    for name in shape.__struct_fields__:
        value = getattr(shape, name)
        if name not in _RANGES or value is None:
            continue
        low, high, advice = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{name}={value!r} must be a number.", advice)
        # Written this way round so that NaN fails too.
        if not low <= value <= high:
            raise UsageError(f"{name}={value:g} must be between {low:,} and {high:,}.", advice)


def _check_together(shape: Shape) -> None:
    if shape.jitter_ms > shape.delay_ms:
        raise UsageError(
            f"jitter_ms={shape.jitter_ms:g} must be at most delay_ms={shape.delay_ms:g}: "
            "a packet can't arrive before it was sent.",
            "Raise the delay or lower the jitter.",
        )
    if shape.loss and shape.burst:
        raise UsageError(
            f"loss={shape.loss:g} and burst can't stand together.",
            "Give loss for independent losses, or burst with loss_good for the share outside bursts.",
        )
    if shape.rate_mbit is not None and shape.trace is not None:
        raise UsageError(
            f"rate_mbit={shape.rate_mbit:g} and trace={shape.trace!r} can't stand together.", "Give one."
        )
    if shape.queue_bytes is not None and shape.queue_ms is not None:
        raise UsageError(
            f"queue_bytes={shape.queue_bytes} and queue_ms={shape.queue_ms:g} can't stand together.",
            "Give one.",
        )
    if shape.discipline not in DISCIPLINES:
        raise UsageError(
            f"discipline={shape.discipline!r} must be one of {', '.join(DISCIPLINES)}.",
            "Leave it out for droptail.",
        )
    queue = {"queue_bytes": shape.queue_bytes, "queue_ms": shape.queue_ms}
    asked = [f"{name}={value:g}" for name, value in queue.items() if value is not None]
    if shape.discipline == "codel":
        asked.append("discipline='codel'")
    if asked and not shape.limited:
        raise UsageError(
            f"{' and '.join(asked)} without a rate: on a link without one nothing waits.",
            "Give rate_mbit too, such as 10.",
        )


_NOTHING = Shape()
