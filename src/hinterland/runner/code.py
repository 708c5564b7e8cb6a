"""An experiment's code, loaded only to run it: `trial`, `outcome` and `CLAIMS` of its experiment.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hinterland.errors import SetupError, UsageError
from hinterland.model.claims import Claim, Never
from hinterland.model.experiment import Experiment
from hinterland.model.history import History
from hinterland.model.verdict import Outcome

if TYPE_CHECKING:
    from hinterland.runner.trial import Trial

EXAMPLE = '"never_twice": never(finding="double_charge", where={...}, control={...})'


@dataclass(frozen=True)
class Code:
    """What an experiment.py must define. `outcome` is pure, so that a record can be judged again."""

    trial: Callable[[Trial], Awaitable[None]]
    outcome: Callable[[History], Outcome]
    claims: Mapping[str, Claim]


def load(experiment: Experiment) -> Code:
    """Imports `experiment.py` of the experiment's folder.

    Raises UsageError when it lacks one of the three names or its claims differ from the manifest's.
    """
    path = Path(experiment.folder) / "experiment.py"
    name = "hinterland_experiment_" + experiment.id.replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise UsageError(f"{path} does not exist: an experiment needs it.", "See: hinterland new --help")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise SetupError(
            f"{path} needs {error.name or error}, which can't be imported: {error}.",
            "See: hinterland doctor",
        ) from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} can't be imported: {type(error).__name__}: {error}.") from error
    for wanted in ("trial", "outcome", "CLAIMS"):
        if not hasattr(module, wanted):
            raise UsageError(
                f"{path} must define {wanted}.", "It needs: async def trial(t), def outcome(h), CLAIMS"
            )
    odd_claims = _not_claims(module.CLAIMS)
    if odd_claims:
        raise UsageError(f"{path}: {odd_claims}.", f"For example: CLAIMS = {{{EXAMPLE}}}")
    declared = {claim.id for claim in experiment.claim}
    judged = set(module.CLAIMS)
    if declared != judged:
        odd = ", ".join(sorted(declared ^ judged))
        raise UsageError(
            f"{path}: CLAIMS and experiment.toml must name the same claims; they differ in {odd}.",
            "Each [[claim]] of the manifest needs a form in CLAIMS.",
        )
    undeclared = [
        form.finding
        for form in module.CLAIMS.values()
        if isinstance(form, Never) and form.finding not in experiment.finding
    ]
    if undeclared:
        raise UsageError(
            f"{path}: a claim says never {undeclared[0]}, and experiment.toml has no such finding.",
            f"Add [finding.{undeclared[0]}] with says, and timed = true where it rests on time.",
        )
    return Code(trial=module.trial, outcome=module.outcome, claims=module.CLAIMS)


def _not_claims(found: object) -> str:
    """Returns what keeps `found` from being a mapping of claim ids to forms; nothing if it is one."""
    if not isinstance(found, Mapping):
        return f"CLAIMS is {type(found).__name__}, and must be a dict of claim ids and forms"
    for name, form in found.items():
        if not isinstance(form, Claim):
            return f"CLAIMS[{name!r}] is {type(form).__name__}, and must be a form"
    return ""
