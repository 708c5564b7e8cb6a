"""The catalogue: every experiment that can be found, read from manifests alone.

`experiments()` lists the sound ones in the order of the map, `find()` returns one, `broken()` says what is
wrong with the others: one broken manifest never takes the rest down.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hinterland.catalogue import index
from hinterland.catalogue.places import FILES, MANIFEST, folders, roots
from hinterland.errors import UsageError
from hinterland.model.experiment import REGIONS, Experiment

if TYPE_CHECKING:
    from hinterland.catalogue.manifest import ManifestError, read

__all__ = ["ManifestError", "broken", "experiments", "find", "forget", "read"]


def __getattr__(name: str) -> Any:
    """Imports the reader of manifests when it is first asked for; with a full index nobody does."""
    if name in ("ManifestError", "read"):
        from hinterland.catalogue import manifest

        return getattr(manifest, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
        from hinterland.catalogue.manifest import read

        return read(folder)
    named = [experiment for experiment in known.values() if experiment.name == wanted]
    if len(named) == 1:
        return named[0]
    raise UsageError(f"{text} is not an experiment.", advice(wanted, list(known), [one.id for one in named]))


def advice(wanted: str, ids: list[str], named: list[str]) -> str:
    """Returns the next step after an unknown id: the ids that the person may have meant."""
    import difflib

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
    """Reads every manifest once a process, from the index where it has not changed since it was read."""
    reader = Reader()
    sound: dict[str, Experiment] = {}
    errors: list[ManifestError] = []
    seen: set[Path] = set()
    for source, root in roots():
        if root is None:
            errors.append(problem(Path(source), "", None, "names no folder that is there."))
            continue
        for folder in folders(root):
            real = folder.resolve()
            if real in seen:
                continue
            seen.add(real)
            experiment, found = reader.read(real)
            if experiment is not None and experiment.id in sound:
                taken = f"is taken by {sound[experiment.id].folder}."
                found.append(problem(folder / MANIFEST, "id", experiment.id, taken))
            errors += found
            if experiment is not None and not found:
                sound[experiment.id] = experiment
    reader.keep()
    places = list(REGIONS)
    order = sorted(sound.values(), key=lambda one: (places.index(one.region), one.position, one.id))
    return tuple(order), tuple(errors)


def problem(file: Path, key: str, value: Any, rule: str) -> ManifestError:
    """Returns the error of a rule that a manifest by itself can't break."""
    from hinterland.catalogue.manifest import ManifestError
    from hinterland.catalogue.rules import Problem

    return ManifestError(file, Problem(key, value, rule))


class Reader:
    """Reads folders through the index, and adds to it what was not in it."""

    def __init__(self) -> None:
        self.known = index.load()
        self.added: dict[str, index.IndexEntry] = {}

    def read(self, folder: Path) -> tuple[Experiment | None, list[ManifestError]]:
        """Returns the experiment in `folder`, and every error in its manifest."""
        file = folder / MANIFEST
        stamp = index.stamp_of(file)
        entry = self.known.get(str(file))
        if entry is not None and entry.stamp == stamp and all((folder / name).is_file() for name in FILES):
            return entry.experiment, []
        from hinterland.catalogue.manifest import examine

        experiment, found = examine(folder)
        if experiment is not None and not found and stamp is not None:
            unchanged = index.stamp_of(file) == stamp
            if unchanged and index.settled(stamp):
                self.added[str(file)] = index.IndexEntry(stamp, experiment)
        return experiment, found

    def keep(self) -> None:
        """Writes the index if there is something new."""
        if self.added:
            index.save({**self.known, **self.added})
