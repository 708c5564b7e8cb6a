"""Facts that must be true for any verdict on a trial to mean anything, read off its history."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from hinterland.model.history import UNFINISHED, History, LoadSample
from hinterland.model.verdict import Assumption

LATE_MS = 10.0
"""A generator is late when one operation in a hundred leaves more than 10 ms after it was due and could."""

LINK_LATE_MS = 2.0
"""A link is late when one packet in a hundred is handed over more than 2 ms after its moment."""
LINK_LATE_FEW_MS = 5.0
"""The same for a link of fewer than a hundred packets, where the 99th percentile is the latest of them."""
LINK_FEW = 100
LINK_BEHIND_SHARE = 0.2
"""A link is saturated when for more than a fifth of the time packets came faster than it took them."""


def automatic(history: History) -> tuple[Assumption, ...]:
    """Returns the assumptions that hold for every experiment: those of them that this history can show."""
    found = [*_faults_took_effect(history), *_something_succeeded(history)]
    for name, sample in history.loads.items():
        if sample.loop == "open":
            found.append(on_schedule(name, sample))
    return (*found, *_links_kept_their_word(history))


def _links_kept_their_word(history: History) -> list[Assumption]:
    """Judges each link by what it measured of itself when it was closed; without that it is not believed."""
    links = [event for event in history.events if event.kind == "link"]
    audits = {event.target: event.detail for event in links if event.name == "audit"}
    opened = [event.target for event in links if event.name == "opened"]
    found = []
    for name in opened:
        audit = audits.get(name, {"failed": "there is none"})
        found += [link_as_asked(name, audit), link_on_time(name, audit)]
    return found


def link_as_asked(name: str, audit: dict[str, Any]) -> Assumption:
    """Decides whether a link did what was asked of it: its audit, as `LinkAudit.record` wrote it.

    It lost nothing but what it was to lose, and that as often as it should.
    """
    faults = [f"no audit: {audit['failed']}"] if "failed" in audit else link_losses(audit)
    return Assumption(
        id="link_as_asked",
        says=f"the link {name} dropped nothing unasked",
        held=not faults,
        measured="; ".join(faults) or "nothing dropped unasked",
    )


def link_on_time(name: str, audit: dict[str, Any]) -> Assumption:
    """Decides whether a link handed packets over when it should and was not the limit of what was measured.

    A link that was not has added time, as a busy machine does, and nothing else.
    """
    delays = [] if "failed" in audit else link_delays(audit)
    late_us = audit.get("lateness_p99_us")
    sound = "nothing was delayed" if late_us is None else f"p99 lateness {late_us:.0f} us"
    if late_us is not None and audit.get("since") == "measuring":
        sound += " while it measured"
    return Assumption(
        id="link_on_time",
        says=f"the link {name} was on time, and was not the limit",
        held=not delays,
        measured="; ".join(delays) or sound,
        timed=True,
        late_ms=(late_us or 0.0) / 1e3,
    )


def link_faults(audit: dict[str, Any]) -> list[str]:
    """Returns each way in which a link failed, none for a sound one."""
    return [*link_delays(audit), *link_losses(audit)]


def link_delays(audit: dict[str, Any]) -> list[str]:
    """Returns each way in which a link added time that it was not to add."""
    faults = []
    late_us = audit["lateness_p99_us"]
    most_ms = LINK_LATE_FEW_MS if audit["scheduled"] < LINK_FEW else LINK_LATE_MS
    if late_us is not None and late_us > most_ms * 1e3:
        faults.append(f"p99 lateness {late_us / 1e3:.3g} ms, more than {most_ms:g} ms")
    if audit["behind_share"] > LINK_BEHIND_SHARE:
        faults.append(audit["ceiling"] or f"saturated for {audit['behind_share']:.0%} of the time")
    return faults


def link_losses(audit: dict[str, Any]) -> list[str]:
    """Returns each way in which a link lost what it was not to lose, or did not lose what it was to."""
    faults = [f"{count:,} packets dropped unasked: {cause}" for cause, count in audit["unintended"].items()]
    for name, direction in audit["directions"].items():
        if not direction["possible"]:
            lost, tried = direction["lost"], direction["loss_tried"]
            faults.append(f"{name} lost {lost:,} of {tried:,} with {direction['asked_loss']:.2%} asked for")
    return faults


def _faults_took_effect(history: History) -> list[Assumption]:
    faults = [event for event in history.events if event.kind == "fault"]
    planned = {event.name for event in history.events if event.kind == "note" and event.stage == "planned"}
    found = []
    for verb in sorted({fault.name for fault in faults} | planned):
        asked = sum(1 for fault in faults if fault.name == verb and fault.stage == "start")
        took = sum(1 for fault in faults if fault.name == verb and fault.stage == "effect")
        found.append(
            Assumption(
                id="fault_fired",
                says=f"every planned {verb} took effect",
                held=asked > 0 and took == asked,
                measured=f"{took} of {asked}",
            )
        )
    return found


def _something_succeeded(history: History) -> list[Assumption]:
    tried = len(history.operations) + sum(len(sample.intended_ns) for sample in history.loads.values())
    if tried == 0:
        return []
    succeeded = sum(1 for operation in history.operations if operation.outcome == "ok")
    succeeded += sum(answered(sample) for sample in history.loads.values())
    return [
        Assumption(
            id="something_succeeded",
            says="at least one operation succeeded",
            held=succeeded > 0,
            measured=f"{succeeded:,} of {tried:,}",
        )
    ]


def assume(
    says: str, held: bool, measured: object = "", *, timed: bool = False, name: str = ""
) -> Assumption:
    """Returns an assumption; its id is `name`, or made from its words."""
    made = re.sub(r"[^a-z0-9]+", "_", says.lower()).strip("_")
    return Assumption(id=name or made, says=says, held=bool(held), measured=str(measured), timed=timed)


def all_answered(history: History) -> Assumption:
    """Decides whether every operation of the history was answered, whatever the answer said."""
    answered = sum(each.answered for each in history.operations)
    return Assumption(
        id="all_answered",
        says="every request was answered",
        held=answered == len(history.operations) > 0,
        measured=f"{answered:,} of {len(history.operations):,}",
    )


def fastest_agree(of: str, times_ms: Sequence[float], most_ms: float) -> Assumption:
    """Decides whether noise left the least of several times alone: the two fastest agree.

    What comes and goes strikes one of them and not the next; of a single time nothing is known. of: what was
    timed, in the plural. most_ms: by how much they may differ, little beside what is claimed of them.
    """
    first_ms, second_ms = [*sorted(times_ms), math.inf, math.inf][:2]
    apart_ms = second_ms - first_ms if isfinite(second_ms) else math.inf
    return Assumption(
        id=f"{of}_agree",
        says=f"the two fastest of the {of} are less than {most_ms:g} ms apart",
        held=apart_ms < most_ms,
        measured=f"{apart_ms:.1f} ms apart" if isfinite(apart_ms) else "there are no two",
        timed=True,
    )


def answered(sample: LoadSample) -> int:
    """Returns how many operations of a load were answered without an error."""
    return int(np.count_nonzero(sample.answered))


def on_schedule(name: str, sample: LoadSample) -> Assumption:
    """Decides whether the generator sent an open loop's operations when they were due.

    An operation that had to wait for a free connection was not late by the generator's fault, so the load
    engine tells its own lateness in `detail`; where it does not, sent minus intended stands for it.
    """
    told_us = sample.detail.get("lateness_p99_us")
    if told_us is None:
        sent = sample.sent_ns[sample.sent_ns != UNFINISHED]
        due = sample.intended_ns[sample.sent_ns != UNFINISHED]
        told_us = float(np.percentile(sent - due, 99)) / 1e3 if len(sent) else float("inf")
    lateness_ms = told_us / 1e3
    return Assumption(
        id="on_schedule",
        says=f"the generator kept the schedule of the load {name}: p99 lateness under {LATE_MS:g} ms",
        held=lateness_ms <= LATE_MS,
        measured=f"p99 lateness {lateness_ms:.3g} ms" if isfinite(lateness_ms) else "nothing was sent",
        timed=True,
        late_ms=lateness_ms if isfinite(lateness_ms) else 0.0,
    )


def every_kind_succeeded(history: History) -> Assumption:
    """Decides whether each kind of operation succeeded at least once."""
    kinds = {operation.kind for operation in history.operations}
    ok = {operation.kind for operation in history.operations if operation.outcome == "ok"}
    return Assumption(
        id="every_kind_succeeded",
        says="every kind of operation succeeded at least once",
        held=kinds == ok,
        measured="never: " + ", ".join(sorted(kinds - ok)) if kinds - ok else "all of them",
    )


def overlapped(history: History) -> Assumption:
    """Decides whether at least two operations on one key were under way at once."""
    last_done: dict[str, int] = {}
    overlaps = 0
    for operation in sorted(history.operations, key=lambda operation: operation.sent_ns):
        if operation.sent_ns < last_done.get(operation.key, -1):
            overlaps += 1
        last_done[operation.key] = max(last_done.get(operation.key, -1), operation.done_ns)
    return Assumption(
        id="overlapped",
        says="operations on one key did overlap",
        held=overlaps > 0,
        measured=f"{overlaps:,} overlaps",
    )
