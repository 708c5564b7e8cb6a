"""One folder's `experiment.toml` -> `Experiment`, or every error in it. No experiment code is imported."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from hinterland.catalogue.answers import answer_problems
from hinterland.catalogue.places import MANIFEST
from hinterland.catalogue.rules import Problem, problems
from hinterland.errors import UsageError
from hinterland.model.experiment import Chart, ClaimDeclaration, Experiment, Factor, Metric, Source

TABLES: dict[str, type] = {"factor": Factor, "metric": Metric}
ARRAYS: dict[str, type] = {"claim": ClaimDeclaration, "source": Source, "chart": Chart}
NAMED_BY_FOLDER = ("id", "folder")
SEE = "See: docs/reference/manifest.md"
WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
"""TOML's kinds as a person calls them."""


class ManifestError(UsageError):
    """A manifest breaks a rule: `key` of `file` holds `value`, which is against `rule`."""

    def __init__(self, file: Path, problem: Problem) -> None:
        self.file = file
        self.key = problem.key
        self.value = problem.value
        self.rule = problem.rule
        where = f"{file}: {problem.key}" if problem.key else str(file)
        if problem.value is not None:
            where += f" = {shorten(problem.value)}"
        super().__init__(f"{where} {problem.rule}", problem.next_step)


def read(folder: Path) -> Experiment:
    """Returns the experiment in `folder`. Raises the first ManifestError if there is one."""
    experiment, errors = examine(folder)
    if errors or experiment is None:
        raise errors[0]
    return experiment


def examine(folder: Path) -> tuple[Experiment | None, list[ManifestError]]:
    """Returns the experiment in `folder` and every error in its manifest; None if it can't be decoded."""
    folder = folder.resolve()
    file = folder / MANIFEST
    try:
        with file.open("rb") as stream:
            data = tomllib.load(stream)
    except (OSError, UnicodeDecodeError) as error:
        return None, [ManifestError(file, Problem("", None, f"can't be read: {error}."))]
    except tomllib.TOMLDecodeError as error:
        return None, [ManifestError(file, Problem("", None, f"is not TOML: {error}."))]
    own_id = f"{folder.parent.name}/{folder.name}"
    misshapen = shape_problems(data, own_id)
    if misshapen:
        return None, [ManifestError(file, problem) for problem in misshapen]
    experiment = fill(data, own_id, folder)
    found = [*problems(experiment, folder), *answer_problems(experiment)]
    return experiment, [ManifestError(file, problem) for problem in found]


def fill(data: dict[str, Any], own_id: str, folder: Path) -> Experiment:
    """Returns the decoded manifest with its id, its folder, and a name for each factor and metric."""
    tables = {
        table: {name: {"name": name.replace("_", " "), **entry} for name, entry in data[table].items()}
        for table in TABLES
    }
    claims = [with_form(claim) for claim in data["claim"]]
    filled = {**data, **tables, "claim": claims, "id": own_id, "folder": str(folder)}
    return msgspec.convert(filled, Experiment)


def with_form(claim: Any) -> Any:
    """Returns a claim's table with its form, which is whatever else stands in it, under `form`.

    Which forms there are is known to `claims.forms`, and said by the rules.
    """
    if not isinstance(claim, dict):
        return claim
    known = set(ClaimDeclaration.__struct_fields__) - {"form"}
    form = {name: fields for name, fields in claim.items() if name not in known}
    return {**{name: value for name, value in claim.items() if name in known}, "form": form}


def shape_problems(data: dict[str, Any], own_id: str) -> list[Problem]:
    """Returns what keeps `data` from being an `Experiment`, each with its exact key.

    msgspec names the place in a list or a mapping as `[...]`, so the parts are decoded one by one.
    """
    found = []
    if "folder" in data:
        found.append(Problem("folder", data["folder"], "must not be given: the catalogue fills it in."))
    if data.get("id", own_id) != own_id:
        found.append(Problem("id", data["id"], f"must be {own_id}, as its folder says, or left out."))
    for table, kind in TABLES.items():
        entries = data.get(table)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            found += decode(entry, kind, f"{table}.{name}")
    for array, kind in ARRAYS.items():
        listed = data.get(array)
        for number, entry in enumerate(listed if isinstance(listed, list) else (), start=1):
            given = with_form(entry) if array == "claim" else entry
            found += [plainly(problem) for problem in decode(given, kind, f"{array}[{number}]")]
    if found:
        return found
    given = {key: data[key] for key in data if key not in NAMED_BY_FOLDER}
    if isinstance(data.get("claim"), list):
        given["claim"] = [with_form(claim) for claim in data["claim"]]
    return decode(given, Experiment, "")


def plainly(problem: Problem) -> Problem:
    """Returns a problem with the key as the manifest has it: a form stands in the claim itself."""
    return msgspec.structs.replace(problem, key=problem.key.replace("].form", "]"))


def decode(data: Any, kind: type, prefix: str) -> list[Problem]:
    """Returns at most one problem: the first that msgspec finds when it makes a `kind` of `data`."""
    try:
        msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").removeprefix(".")
        key = ".".join(part for part in (prefix, path) if part)
        field = re.fullmatch(r"Object (missing required|contains unknown) field `(.+)`", text)
        if field is None:
            rule = one_of(kind, path) if text.startswith("Invalid enum value") else in_words(text)
            return [Problem(key, look_up(data, path), f"{rule}.")]
        key = ".".join(part for part in (key, field[2]) if part)
        if field[1] == "missing required":
            return [Problem(key, None, "is missing.", SEE)]
        inner = ".".join(part for part in (path, field[2]) if part)
        return [Problem(key, look_up(data, inner), "is not a key that a manifest has.", SEE)]
    return []


def in_words(text: str) -> str:
    """Returns msgspec's complaint as a rule: Expected `float`, got `str` -> must be a number, not text."""
    found = re.fullmatch(r"Expected `(.+)`, got `(.+)`", text)
    if found is None:
        return f"is wrong: {text}"
    wanted, got = (
        " or ".join(WORDS.get(word, word) for word in part.split(" | ")) for part in found.groups()
    )
    return f"must be {wanted}, not {got}"


def one_of(kind: type, path: str) -> str:
    """Returns the rule for a word that is none of those which the field at `path` of `kind` may hold."""
    for part in path.split("."):
        kind = get_type_hints(kind).get(part, object)
    return f"must be one of {', '.join(map(str, get_args(kind)))}"


def look_up(data: Any, path: str) -> Any:
    """Returns the value at a dotted path, None where the path leads nowhere."""
    for part in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(part)
    return data


def shorten(value: Any) -> str:
    """Returns a value as TOML would write it, cut to a line."""
    # JSON has no word for nan and inf, TOML has.
    text = str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."
