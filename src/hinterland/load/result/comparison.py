"""Two loads compared."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Word = Literal["differs", "same", "cannot_tell"]


class Compared(Struct, frozen=True):
    """One figure of a load beside that of another.

    metric: `p50`, `p99`, `rate`. one, other: in s, or a second; None where it lies among operations without
    an answer. ratio: one / other, between low and high (95 %); None where both have none, or there is no
    bound. word: `same` where the whole interval lies within the margin of 1, `differs` where it excludes 1
    and reaches beyond the margin, else `cannot_tell`. says: in words.
    """

    metric: str
    one: float | None
    other: float | None
    ratio: float | None
    low: float | None
    high: float | None
    word: Word
    says: str


class Comparison(Struct, frozen=True):
    """A load compared with an earlier one.

    one, other: what they are called. unlike: what differs in what was asked, in words: figures of different
    loads may differ for that alone. void: why neither can be believed (a generator was the limit). errors:
    the operations without a good answer of each; errors_p the probability of shares so different by chance.
    """

    one: str
    other: str
    compared: tuple[Compared, ...]
    errors: tuple[int, int]
    error_shares: tuple[float, float]
    errors_p: float
    errors_word: Word
    errors_say: str
    unlike: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    margin: float = 0.05
    assumed: str = ""
