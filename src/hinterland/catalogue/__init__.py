"""The catalogue: every experiment that can be found, read from manifests alone.

`experiments()` lists the sound ones in the order of the map, `find()` returns one, `broken()` says what is
wrong with the others: one broken manifest never takes the rest down.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

from hinterland.catalogue.manifest import ManifestError, examine, read
from hinterland.catalogue.places import MANIFEST, folders, roots
from hinterland.catalogue.rules import Problem
from hinterland.errors import UsageError
from hinterland.model.experiment import REGIONS, Experiment

__all__ = ["ManifestError", "broken", "experiments", "find", "forget", "read"]


def experiments() -> tuple[Experiment, ...]:
    """Returns every sound experiment, by region in the order of the map, then by position."""
    return survey()[0]


def broken() -> list[ManifestError]:
    """Returns every error in every manifest that was found."""
    return list(survey()[1])


def find(text: str) -> Experiment:
    """Returns the experiment with this id.

    A bare name will do where only one experiment has it, and so will the path of an experiment's folder.
    Raises its ManifestError if the manifest is broken, and UsageError with the nearest ids if there is none.
    """
    wanted = text.strip().strip("/")
    known = {experiment.id: experiment for experiment in experiments()}
    if wanted in known:
        return known[wanted]
    for error in broken():
        if wanted in (error.file.parent.name, f"{error.file.parent.parent.name}/{error.file.parent.name}"):
            raise error
    folder = Path(text).expanduser()
    if (folder / MANIFEST).is_file():
        return read(folder)
    named = [experiment for experiment in known.values() if experiment.name == wanted]
    if len(named) == 1:
        return named[0]
    raise UsageError(f"{text} is not an experiment.", advice(wanted, list(known), [one.id for one in named]))


def advice(wanted: str, ids: list[str], named: list[str]) -> str:
    """Returns the next step after an unknown id: the ids that the person may have meant."""
    by_name = {identity.partition("/")[2]: identity for identity in ids}
    near = named or difflib.get_close_matches(wanted, ids, n=1)
    near = near or [by_name[name] for name in difflib.get_close_matches(wanted.split("/")[-1], by_name, n=1)]
    meant = f"Did you mean {' or '.join(near)}?  " if near else ""
    return f"{meant}See: hinterland list"


def forget() -> None:
    """Makes the next call read the manifests again."""
    survey.cache_clear()


@cache
def survey() -> tuple[tuple[Experiment, ...], tuple[ManifestError, ...]]:
    """Reads every manifest once a process."""
    sound: dict[str, Experiment] = {}
    errors: list[ManifestError] = []
    seen: set[Path] = set()
    for source, root in roots():
        if root is None:
            errors.append(ManifestError(Path(source), Problem("", None, "names no folder that is there.")))
            continue
        for folder in folders(root):
            if folder.resolve() in seen:
                continue
            seen.add(folder.resolve())
            experiment, found = examine(folder)
            if experiment is not None and experiment.id in sound:
                taken = f"is taken by {sound[experiment.id].folder}."
                found.append(ManifestError(folder / MANIFEST, Problem("id", experiment.id, taken)))
            errors += found
            if experiment is not None and not found:
                sound[experiment.id] = experiment
    places = list(REGIONS)
    order = sorted(sound.values(), key=lambda one: (places.index(one.region), one.position, one.id))
    return tuple(order), tuple(errors)
