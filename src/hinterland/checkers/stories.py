"""Findings told as stories: a few events in their order, in milliseconds from the first of them."""

from __future__ import annotations

from hinterland.model.verdict import Finding, WitnessEvent

Told = tuple[int, str, str]
"""When (nanoseconds of the history's clock), who, and what they do."""


def told(kind: str, key: str, says: str, *events: Told) -> Finding:
    """Returns a finding with its witness: these events, sorted by time and counted from the first.

    Events of one moment stay in the order in which they are given. ValueError: no event was given.
    """
    if not events:
        raise ValueError(f"{kind} {key}: a story needs at least one event.")
    ordered = sorted(events, key=lambda event: event[0])
    begun_ns = ordered[0][0]
    witness = (WitnessEvent((t_ns - begun_ns) / 1e6, who, what) for t_ns, who, what in ordered)
    return Finding(kind=kind, key=key, says=says, witness=tuple(witness))
