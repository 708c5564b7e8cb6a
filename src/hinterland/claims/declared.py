"""The claims of a manifest as forms, and what is wrong with how they are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from hinterland.claims.forms import forms
from hinterland.claims.grounds.form import Form, matches
from hinterland.model.experiment import ClaimDeclaration, Experiment, label
from hinterland.model.levels import treatments


class Fault(Struct, frozen=True):
    """What is wrong with a claim: the key below it (empty: the claim itself), what stands there, the rule."""

    key: str
    value: Any
    rule: str


def claims_of(experiment: Experiment) -> dict[str, Form]:
    """Returns the claims of a sound manifest by their ids, in its order."""
    return {declared.id: form_of(declared) for declared in experiment.claim}


def form_of(declared: ClaimDeclaration) -> Form:
    """Returns a claim as it is judged. Raises msgspec.ValidationError or KeyError where it is not sound."""
    [(name, fields)] = declared.form.items()
    given = {**fields, "where": declared.where, "control": declared.instead}
    return msgspec.convert(given, forms()[name])


def declaration(claim: str, form: Form, *, says: str, control: str, main: bool = True) -> ClaimDeclaration:
    """Returns a claim as a manifest declares it."""
    fields = msgspec.to_builtins(form)
    where, instead = fields.pop("where"), fields.pop("control")
    given = {form.NAME: fields}
    return ClaimDeclaration(claim, says, control, main=main, form=given, where=where, instead=instead)


def faults(experiment: Experiment, declared: ClaimDeclaration) -> Iterator[Fault]:
    """Yields what is wrong with a claim's form, its levels, or what they name of the experiment."""
    named = ", ".join(forms())
    if not declared.form:
        yield Fault("", None, f"needs a form, one of {named}.")
        return
    if len(declared.form) > 1:
        yield Fault("", None, f"must have one form, not {' and '.join(declared.form)}.")
        return
    [(name, fields)] = declared.form.items()
    if name not in forms():
        yield Fault(name, fields, f"is no key of a claim and no form, which are {named}.")
        return
    odd = {"where", "control"} & set(fields)
    if odd:
        yield Fault(f"{name}.{min(odd)}", fields[min(odd)], "stands beside the form, as where or instead.")
        return
    try:
        form = form_of(declared)
    except msgspec.ValidationError as error:
        yield Fault(name, fields, f"is no such form: {error}.")
        return
    unknown = set(fields) - {field.name for field in msgspec.structs.fields(type(form))}
    if unknown:
        yield Fault(f"{name}.{min(unknown)}", fields[min(unknown)], "is not a field of this form.")
    broken = [Fault(f"{name}.{key}", fields.get(key), rule) for key, rule in form.problems(experiment)]
    yield from broken or level_faults(experiment, form)


def level_faults(experiment: Experiment, form: Form) -> Iterator[Fault]:
    """Yields the first side of a claim, and of its control, that names no treatment of the design."""
    planned = treatments(experiment, {})
    for key, which, part, given in (
        ("where", "the claim", form, form.where),
        ("instead", "its control", form.controlled(), form.control),
    ):
        lost = [side for side in part.sides() if not any(matches(side, each) for each in planned)]
        if lost:
            yield Fault(key, given, f"leaves {which} without a treatment: none has {label(lost[0])}.")
