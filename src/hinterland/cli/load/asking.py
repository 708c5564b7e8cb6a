"""From the texts of the command line to what is asked of a load."""

from __future__ import annotations

from dataclasses import fields

from msgspec.structs import replace

from hinterland.cli.load.options import (
    ArrivalOptions,
    ConnectionOptions,
    GeneratorOptions,
    JudgingOptions,
    OutputOptions,
    RequestOptions,
)
from hinterland.errors import UsageError
from hinterland.load.asked.asked import Asked
from hinterland.load.asked.asked_rules import together
from hinterland.load.capacity.aim import aim_of
from hinterland.load.plan import words as load_words
from hinterland.load.plan.plan import LoadPlan, Objective
from hinterland.load.record.folder import lacks_secrets
from hinterland.load.result.record import LoadRecord
from hinterland.model.quantities import seconds


def asked(
    arrivals: ArrivalOptions,
    connections: ConnectionOptions,
    requests: RequestOptions,
    judging: JudgingOptions,
    generator: GeneratorOptions,
) -> Asked:
    """Returns what the options ask for. Raises UsageError with the value, the rule and the next step."""
    return Asked(
        rate=None if arrivals.rate is None else load_words.parse_rate(arrivals.rate),
        poisson=arrivals.poisson,
        ramp=None if arrivals.ramp is None else load_words.parse_ramp(arrivals.ramp),
        steps=() if arrivals.steps is None else load_words.parse_steps(arrivals.steps),
        trace=arrivals.trace,
        closed=arrivals.closed,
        duration_s=None if arrivals.duration is None else seconds("duration", arrivals.duration),
        count=arrivals.count,
        warm_up_s=seconds("warm-up", arrivals.warm_up),
        seed=arrivals.seed,
        connections=connections.connections,
        http=connections.http,
        streams=connections.streams,
        pipelining=connections.pipelining,
        new_connections=connections.new_connections,
        subscribe=connections.subscribe,
        follow=requests.follow,
        timeout_s=seconds("timeout", connections.timeout),
        ca=connections.ca,
        insecure=connections.insecure,
        cert=connections.cert,
        key=connections.key,
        connect_to=connections.connect_to,
        unix_socket=connections.unix_socket,
        method=requests.method,
        header=requests.header,
        body=requests.body,
        body_file=requests.body_file,
        request=requests.request,
        requests=requests.requests,
        scenario=requests.scenario,
        data=requests.data,
        keys=requests.keys,
        zipf=requests.zipf,
        check=requests.check,
        extract=requests.extract,
        objectives=judging.assertion,
        processes=generator.processes,
        scheduler=generator.scheduler,
        sources=generator.sources,
    )


def as_before(against: LoadRecord | None, wanted: Asked) -> LoadPlan:
    """Returns the plan of the load to compare with, to be driven once more.

    Raises UsageError without one, where something else is asked as well, and where a secret was not kept.
    """
    if against is None:
        raise UsageError("load needs a URL.", "Such as: hinterland load http://localhost:8080/ --rate 500")
    if against.result is None:
        raise UsageError(f"{against.id} was a search for capacity.", "Give a load: hinterland runs load")
    changed = [field.name for field in fields(Asked) if getattr(wanted, field.name) != field.default]
    if others := [name for name in changed if name != "objectives"]:
        raise UsageError(
            f"{others[0].removesuffix('_s').replace('_', '-')} needs a URL: without one the earlier load is "
            "repeated as it was.",
            f"Leave it out, or give the URL: {against.url}",
        )
    plan = against.result.plan
    if lacks_secrets(plan):
        raise UsageError(
            f"{against.id} was driven with a secret, which was not kept.", f"Give it again: {against.command}"
        )
    objectives = tuple(
        load_words.parse_objective(one) if isinstance(one, str) else one for one in wanted.objectives
    )
    return replace(plan, objectives=objectives or plan.objectives)


def capacity_objective(
    judging: JudgingOptions, arrivals: ArrivalOptions, output: OutputOptions
) -> Objective | None:
    """Returns the objective of a capacity search, None without one. Raises UsageError where that can't be.

    With `--rate` the search begins there.
    """
    if judging.find_capacity is None:
        return None
    for name, given in (
        ("ramp", arrivals.ramp),
        ("steps", arrivals.steps),
        ("trace", arrivals.trace),
        ("closed", arrivals.closed or None),
        ("count", arrivals.count),
        ("assert", judging.assertion or None),
        ("vs", judging.vs),
        ("hdr", output.hdr),
        ("operations", output.operations),
    ):
        together("find-capacity", judging.find_capacity, name, given)
    objective = load_words.parse_objective(judging.find_capacity)
    aim_of(objective)
    return objective
