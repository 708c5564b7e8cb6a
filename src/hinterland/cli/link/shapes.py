"""The words of a link on the command line: `--rtt 50ms --loss 2%`, and `--up delay=20ms,loss=2%`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.model import quantities
from hinterland.rig.link.pipe.shape import Burst, Shape

_WORDS: dict[str, tuple[str, Callable[[str, str], float]]] = {
    "delay": ("delay_ms", quantities.milliseconds),
    "jitter": ("jitter_ms", quantities.milliseconds),
    "loss": ("loss", quantities.share),
    "reorder": ("reorder", quantities.share),
    "duplicate": ("duplicate", quantities.share),
    "rate": ("rate_mbit", quantities.megabits),
}
EXAMPLE = "Such as: --up delay=20ms,loss=2%,rate=10mbit,queue=100ms"


@dataclass(frozen=True)
class Ways:
    """The options that say what lies between the ends."""

    rtt: Annotated[str, Parameter(metavar="TIME", help="Round trip: 50ms; half of it each way.")] = "0ms"
    jitter: Annotated[str | None, Parameter(metavar="TIME", help="Each way, at random: 5ms.")] = None
    loss: Annotated[str | None, Parameter(metavar="SHARE", help="Each way: 2%.")] = None
    rate: Annotated[str | None, Parameter(metavar="RATE", help="Each way: 10mbit, 500kbit.")] = None
    queue: Annotated[
        str | None, Parameter(metavar="LENGTH", help="Of each way's queue at its rate: 100ms or 64kB.")
    ] = None
    up: Annotated[
        str, Parameter(metavar="WORDS", help="From the command to the server alone: delay=20ms,loss=2%.")
    ] = ""
    down: Annotated[str, Parameter(metavar="WORDS", help="From the server to the command alone.")] = ""

    def shapes(self) -> tuple[Shape, Shape]:
        """Returns what each direction does, towards the server and back. Raises UsageError."""
        both: dict[str, Any] = {}
        if self.jitter is not None:
            both["jitter_ms"] = quantities.milliseconds("jitter", self.jitter)
        if self.loss is not None:
            both["loss"] = quantities.share("loss", self.loss)
        if self.rate is not None:
            both["rate_mbit"] = quantities.megabits("rate", self.rate)
        if self.queue is not None:
            both["queue_ms"], both["queue_bytes"] = quantities.queue("queue", self.queue)
        base = Shape(delay_ms=quantities.milliseconds("rtt", self.rtt) / 2, **both)
        return direction("up", self.up, base), direction("down", self.down, base)


def direction(option: str, text: str, base: Shape) -> Shape:
    """Returns `base` with what `text` says about one direction, such as `delay=20ms,loss=2%,drop=data:3`.

    Its words: delay, jitter, loss, reorder, duplicate, rate, queue, burst=TO_BAD/TO_GOOD, drop=KIND:NUMBER
    (may be given again), trace=FILE, codel, cut. Raises UsageError for any other.
    """
    fields: dict[str, Any] = {}
    drops: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        word, _, value = part.partition("=")
        name = f"{option} {word}"
        if word in _WORDS:
            field, read = _WORDS[word]
            fields[field] = read(name, value)
        elif word == "queue":
            fields["queue_ms"], fields["queue_bytes"] = quantities.queue(name, value)
        elif word == "burst":
            to_bad, both, to_good = value.partition("/")
            if not both:
                raise UsageError(
                    f"{name}={value} must be two shares: that a burst begins, and that it ends.",
                    "Give them as 1%/30%.",
                )
            fields["burst"] = Burst(quantities.share(name, to_bad), quantities.share(name, to_good))
        elif word == "drop":
            drops.append(value)
        elif word == "trace":
            fields["trace"] = value
        elif part == "codel":
            fields["discipline"] = "codel"
        elif part == "cut":
            fields["cut"] = True
        elif word in ("codel", "cut"):
            raise UsageError(f"{option} {part}: {word} stands alone, without a value.", EXAMPLE)
        else:
            known = ", ".join((*_WORDS, "queue", "burst", "drop", "trace", "codel", "cut"))
            raise UsageError(f"{option} {part}: there is no such word.", f"They are {known}.\n  {EXAMPLE}")
    if drops:
        fields["drop"] = tuple(drops)
    return replace(base, **fields)


def rate(mbit: float) -> str:
    """Returns a rate in the unit that makes it short: 500 kbit/s, 10 Mbit/s, 2.5 Gbit/s."""
    if mbit >= 1000:
        return f"{mbit / 1000:g} Gbit/s"
    return f"{mbit:g} Mbit/s" if mbit >= 1 else f"{mbit * 1000:g} kbit/s"


def described(shape: Shape) -> str:
    """Returns a shape in words: `25 ms, loss 2 %, 10 Mbit/s, queue 100 ms`; `no delay` for the empty one."""
    parts = [f"{shape.delay_ms:g} ms" if shape.delay_ms else "no delay"]
    if shape.jitter_ms:
        parts[0] += f" ± {shape.jitter_ms:g}"
    for name, text in (("loss", "loss"), ("reorder", "reordered"), ("duplicate", "doubled")):
        if value := getattr(shape, name):
            parts.append(f"{text} {value * 100:g} %")
    if shape.burst is not None:
        parts.append(f"loss in bursts {shape.burst.share * 100:.3g} %")
    if shape.rate_mbit is not None:
        parts.append(rate(shape.rate_mbit))
    if shape.trace is not None:
        parts.append(f"capacity of {shape.trace}")
    if shape.limited:
        length = f"{shape.queue_ms:g} ms" if shape.queue_ms is not None else ""
        length = f"{shape.queue_bytes:,} bytes" if shape.queue_bytes is not None else length
        parts.append(f"queue {length or '100 ms'}{' with CoDel' if shape.discipline == 'codel' else ''}")
    if shape.drop:
        parts.append(f"drops {', '.join(shape.drop)}")
    if shape.cut:
        parts.append("cut")
    return ", ".join(parts)
