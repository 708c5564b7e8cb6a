"""What a load was and what became of it, in sentences that all its outputs share."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hinterland.drawing import numbers
from hinterland.load.plan.arrivals import arrivals_say as arrivals_say
from hinterland.load.plan.arrivals import rate_text as rate_text
from hinterland.load.plan.plan import LoadPlan, Target
from hinterland.load.report.percentiles import Percentile, shown, time_text
from hinterland.load.result.result import LoadResult

CLOSED_NOTE = (
    "A closed loop asks less while the server is slow, so its percentiles leave out what users would have "
    "waited."
)


def count_text(count: int, noun: str) -> str:
    """Returns `1 connection`, `20,000 connections`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def asked_says(result: LoadResult) -> str:
    """Returns the rate asked, `2,000/s asked`: of visits where they are chains; empty in a closed loop.

    Arrivals at random moments are never just as many as were asked: `2,031/s due`.
    """
    if result.asked_per_s is None:
        return ""
    arrivals = result.plan.arrivals
    at_random = arrivals.shape in ("poisson", "trace") or arrivals.jittered
    asked = "due" if at_random else "asked"
    # A load that was cut short, or has a count, ends between two of its moments.
    rate_per_s = arrivals.rate_per_s if arrivals.shape == "constant" else result.asked_per_s
    chained = bool(result.plan.scenario) or any(len(visit.requests) > 1 for visit in result.plan.mix)
    return f"{rate_per_s:,.0f} visits/s {asked}" if chained else f"{rate_text(rate_per_s)} {asked}"


def model_says(plan: LoadPlan) -> str:
    """Returns the model in a line: `open loop: 20,000/s, evenly spaced`, or the closed loop."""
    if plan.subscribe:
        return f"subscription: {count_text(plan.connections, 'connection')} listen; an operation is an event"
    if plan.model == "closed":
        waits = "each waits for its answer"
        if plan.multiplexed > 1:
            waits = f"{plan.multiplexed} requests under way on each, the next when one was answered"
        return f"closed loop: {count_text(plan.connections, 'connection')}, {waits}"
    return f"open loop: {arrivals_say(plan.arrivals)}"


def protocol_says(target: Target) -> str:
    """Returns what is spoken: `HTTP/1.1 over TLS`."""
    spoken = target.traits.says
    return f"{spoken} over TLS" if target.tls and target.protocol != "http3" else spoken


def where_says(target: Target) -> str:
    """Returns where a load went, `at 127.0.0.1`, where its URL does not say that alone; else nothing."""
    if target.unix_socket:
        return f" through {target.unix_socket}"
    host, port = target.dialled
    if target.connect_host or target.connect_port:
        return f" at [{host}]:{port}" if ":" in host else f" at {host}:{port}"
    return f" at {target.address}" if len(target.addresses) > 1 else ""


def connections_say(plan: LoadPlan) -> str:
    """Returns how the connections were used: `64 connections, 10 streams each`."""
    text = count_text(plan.connections, "connection")
    if plan.mode == "new":
        text += f", a new one for each {'request' if plan.target.protocol == 'http1' else 'visit'}"
    if plan.multiplexed > 1:
        text += f", {plan.multiplexed} {'pipelined' if plan.mode == 'pipelining' else 'streams'} each"
    if plan.sources > 1:
        text += f", from {plan.sources} addresses"
    return text


def length_says(plan: LoadPlan) -> str:
    """Returns for how long: `10 s`, with the warm-up that was left out, or how many operations."""
    if plan.arrivals.shape == "trace" and plan.model == "open" and plan.count is None:
        return (
            "to its end"
            if not plan.warm_up_s
            else f"to its end, {numbers.quantity(plan.warm_up_s, 's')} of warm-up"
        )
    text = (
        count_text(plan.count, "operation")
        if plan.count is not None
        else numbers.quantity(plan.duration_s, "s")
    )
    return f"{text} after {numbers.quantity(plan.warm_up_s, 's')} of warm-up" if plan.warm_up_s else text


def statuses_say(statuses: Mapping[str, int]) -> str:
    """Returns which statuses came how often, most first: `9,990 x 200, 10 x 301`; empty without any."""
    counted = sorted(statuses.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} x {status}" for status, count in counted if count)


def errors_say(errors: Mapping[str, int], among: int) -> str:
    """Returns the errors by kind, most first: `12 timed out, 3 status 503 (0.15 % of operations)`; `none`."""
    total = sum(errors.values())
    if not total:
        return "none"
    kinds = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in kinds if count]
    share = f" ({numbers.quantity(total / among, 'share')} of operations)" if among else ""
    return f"{', '.join(parts)}{share}"


def not_opened_say(result: LoadResult) -> str:
    """Returns how many connections could not be opened, and why unless the operations failed alike."""
    if list(result.open_errors) == list(result.errors) and len(result.errors) == 1:
        return f"{sum(result.open_errors.values()):,}, for the same reason"
    return errors_say(result.open_errors, 0)


def schedulers_say(result: LoadResult) -> str:
    """Returns how the schedule was kept: `spin`, `timerfd and tick`; empty in a closed loop."""
    return " and ".join(dict.fromkeys(one.scheduler for one in result.generator.processes if one.scheduler))


def lateness_of(result: LoadResult) -> list[Percentile]:
    """Returns the generator's own lateness at p50, p99 and p99.9; empty in a closed loop."""
    counts = result.generator.lateness
    return [] if counts is None else shown(counts, (0.5, 0.99, 0.999))


def lateness_says(result: LoadResult) -> str:
    """Returns the generator's lateness in a line: `p50 0.4 µs, p99 12 µs, at most 310 µs`; empty without."""
    counts = result.generator.lateness
    if counts is None or not counts.counts.size:
        return ""
    parts = [f"{one.name} {one.says}" for one in lateness_of(result)]
    return ", ".join([*parts, f"at most {time_text(counts.most_ns / 1e9)}"])


def is_limited(result: LoadResult) -> bool:
    """Decides whether the generator was the limit, so that the figures are not the server's."""
    return bool(result.generator.faults)


def capital(text: str) -> str:
    """Returns the text with a capital first letter, unless it begins with the name of a percentile."""
    if re.match(r"p\d", text):
        return text
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Returns the text as a sentence: a capital first, a full stop last; empty stays empty."""
    return capital(text) + ("" if not text or text.endswith((".", "!", "?")) else ".")
