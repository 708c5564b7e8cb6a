"""Writes docs/reference from the code; with --check it fails where a page is stale.

python docs/generate.py [--check]
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from hinterland import catalogue, errors, model
from hinterland.catalogue import places
from hinterland.claims.forms import forms
from hinterland.cli.app import UNDER_RUNS, build
from hinterland.cli.load.documents import LoadDocument
from hinterland.cli.terminal.documents import PRINTED_BY
from hinterland.cli.verbs import SUMMARY, VERBS
from hinterland.model.experiment import REGIONS, Experiment, show

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
README = ROOT / "README.md"
TABLE_BEGINS, TABLE_ENDS = "<!-- experiments: docs/generate.py -->", "<!-- /experiments -->"
MADE = "<!-- Made by docs/generate.py from the code. Change the code, then run it again. -->"

DOCUMENTS: dict[str, type[msgspec.Struct]] = {**PRINTED_BY, "load": LoadDocument}
"""Which document each verb prints."""

STATUSES = {
    errors.HOLDS: ("HOLDS", "Every main claim holds."),
    errors.REFUTED: ("REFUTED", "A main claim is refuted."),
    errors.INCONCLUSIVE: (
        "INCONCLUSIVE",
        "A main claim is undecided, and none is refuted; its cause is named.",
    ),
    errors.USAGE: ("USAGE", "The person's move: an argument or a manifest is wrong."),
    errors.SETUP: ("SETUP", "The machine lacks something; the message names the command that installs it."),
    errors.INTERNAL: ("INTERNAL", "A bug of Hinterland; the message says where the record is."),
    errors.INTERRUPTED: ("INTERRUPTED", "Ctrl-C. The record is readable."),
}


def main() -> int:
    """Writes every page, or with --check compares them. Returns the exit status."""
    stale = []
    made = {REFERENCE / name: "\n".join([MADE, "", *page()]).rstrip() + "\n" for name, page in PAGES.items()}
    for path, text in {**made, README: readme()}.items():
        if "--check" in sys.argv[1:]:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"Stale: {', '.join(stale)}.\n  Run: python docs/generate.py", file=sys.stderr)
    return 1 if stale else 0


def readme() -> str:
    """Returns the README with its table of experiments made anew."""
    before, rest = README.read_text(encoding="utf-8").split(TABLE_BEGINS)
    _, after = rest.split(TABLE_ENDS)
    rows = [f"| `{one.id}` | {cell(one.question)} | {cell(one.runs)} |" for one in atlas()]
    table = ["| experiment | the question | what it runs |", "|---|---|---|", *rows]
    return "\n".join([f"{before}{TABLE_BEGINS}", *table, f"{TABLE_ENDS}{after}"])


def cli_page() -> Iterator[str]:
    yield from ("# The command line", "", SUMMARY, "")
    yield from ("Exit statuses are in [errors.md](errors.md).", "")
    yield from fenced(help_of())
    for title, verbs in VERBS.items():
        yield from (f"## {title}", "")
        for name, _, _ in verbs:
            yield from (f"### hinterland {name}", "")
            yield from fenced(help_of(name))
            if name in DOCUMENTS:
                kind = DOCUMENTS[name]
                several = "a list of" if name in ("list", "runs") else "one"
                yield from (f"`--json` prints {several} [{kind.__name__}](#{kind.__name__.lower()}).", "")
            for inner, _, _ in UNDER_RUNS if name == "runs" else ():
                yield from (f"### hinterland {name} {inner}", "")
                yield from fenced(help_of(name, inner))
    yield from ("## Documents", "")
    yield from docstring(importlib.import_module("hinterland.cli.terminal.documents"), skip_title=True)
    for name in ("terminal.documents", "load.documents"):
        for kind in structs(importlib.import_module(f"hinterland.cli.{name}")):
            yield from struct_section(kind, "###")


def catalogue_page() -> Iterator[str]:
    yield from ("# The catalogue", "", "Every experiment of the atlas, by region.", "")
    for region, epithet in REGIONS.items():
        here = [one for one in atlas() if one.region == region]
        if here:
            yield from (f"## {region}: {epithet}", "")
            for one in here:
                yield from experiment_section(one)
    empty = [region for region in REGIONS if all(one.region != region for one in atlas())]
    if empty:
        yield f"Regions without an experiment yet: {', '.join(empty)}."


def experiment_section(one: Experiment) -> Iterator[str]:
    folder = Path(one.folder).relative_to(ROOT)
    yield from (f"### [{one.id}](../../{folder}/lesson.md)", "", f"**{one.title}.** {one.question}", "")
    yield from ("| factor | levels | |", "|---|---|---|")
    for name, factor in one.factor.items():
        levels = ", ".join(f"`{show(level)}`" for level in factor.levels)
        yield f"| `{name}` | {levels}{' ' + factor.unit if factor.unit else ''} | {cell(factor.says)} |"
    yield from ("", "| metric | unit | |", "|---|---|---|")
    yield from (f"| `{name}` | {cell(m.unit)} | {cell(m.says)} |" for name, m in one.metric.items())
    yield from ("", "| claim | control |", "|---|---|")
    yield from (f"| {cell(claim.says)} | {cell(claim.control)} |" for claim in one.claim)
    yield from ("", f"At most {one.budget_s:g} s. What it teaches: {one.learned}", "")
    for source in one.source:
        yield f"- [{source.title}]({source.url}){': ' + source.says if source.says else ''}"
    yield ""


def manifest_page() -> Iterator[str]:
    module = importlib.import_module("hinterland.model.experiment")
    yield from ("# The manifest", "", "What stands in an experiment's `experiment.toml`.", "")
    yield from (docstring(places))
    yield from ("`hinterland new region/name` makes a folder with a sound manifest.", "")
    kinds = {"top level": "Experiment", "[factor.NAME]": "Factor", "[metric.NAME]": "Metric"}
    kinds |= {"[finding.KIND]": "FindingKind", "[[claim]]": "ClaimDeclaration", "[prediction]": "Prediction"}
    kinds |= {"[prediction.truth]": "Truth"}
    kinds |= {"[[source]]": "Source", "[[chart]]": "Chart"}
    for where, name in kinds.items():
        skipped = {"Experiment": ("id", "folder"), "ClaimDeclaration": ("form",)}.get(name, ())
        yield from struct_section(getattr(module, name), "##", title=where, skipped=skipped)
        if name == "ClaimDeclaration":
            for form, fields in sorted(forms().items()):
                yield from struct_section(fields, "###", title=form, skipped=("where", "control"))
    yield from ("## Regions", "", "| region | |", "|---|---|")
    yield from (f"| `{region}` | {epithet} |" for region, epithet in REGIONS.items())
    yield ""


def model_page() -> Iterator[str]:
    yield from ("# The model", "")
    yield from docstring(model)
    for name in (
        *(f"model.{each}" for each in ("experiment", "history", "verdict", "weather", "run")),
        *(f"load.plan.{each}" for each in ("plan", "protocols")),
        *(f"load.result.{each}" for each in ("result", "capacity", "comparison", "record")),
        "statistics.counts",
    ):
        module = importlib.import_module(f"hinterland.{name}")
        yield from (f"## hinterland.{name}", "")
        yield from docstring(module)
        for kind in structs(module):
            yield from struct_section(kind, "###")


def errors_page() -> Iterator[str]:
    yield from ("# Errors and exit statuses", "")
    yield from docstring(errors)
    yield from ("| status | name | meaning |", "|---|---|---|")
    yield from (f"| {number} | `{name}` | {says} |" for number, (name, says) in STATUSES.items())
    yield from ("", "Several runs (`hinterland tour`) end with the worst of their statuses.", "")
    yield from ("| class | status | |", "|---|---|---|")
    for kind in classes(errors, errors.HinterlandError):
        says = " ".join(inspect.getdoc(kind).split())  # type: ignore[union-attr]
        yield f"| `{kind.__name__}` | {kind.exit_status} | {cell(says)} |"
    yield from ("", "`HINTERLAND_DEBUG=1` prints the traceback of an error above its message.", "")


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli.md": cli_page,
    "catalogue.md": catalogue_page,
    "manifest.md": manifest_page,
    "model.md": model_page,
    "errors.md": errors_page,
}


def atlas() -> list[Experiment]:
    """Returns the experiments of this checkout, without third parties'."""
    return [one for one in catalogue.experiments() if Path(one.folder).is_relative_to(places.ATLAS)]


def help_of(*verb: str) -> str:
    """Returns a help page as 80 columns show it."""
    import io

    from rich.console import Console

    text = io.StringIO()
    build(*verb[:1]).meta(
        [*verb, "--help"], console=Console(file=text, width=80, color_system=None), exit_on_error=False
    )
    return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines())


def struct_section(
    kind: type[Any], level: str, title: str = "", skipped: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yields a heading, the class's docstring and a table of its fields."""
    yield from (f"{level} {title or kind.__name__}", "")
    yield from docstring(kind)
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in skipped]
    if fields:
        yield from ("| key | type | default |", "|---|---|---|")
        for field in fields:
            yield f"| `{field.name}` | `{cell(annotation(kind, field.name))}` | {default_of(field)} |"
        yield ""


def annotation(kind: type[Any], name: str) -> str:
    """Returns a field's type as it is written, in the class or the one that it comes from."""
    return next(str(part.__annotations__[name]) for part in kind.__mro__ if name in part.__annotations__)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{cell(msgspec.json.encode(value).decode())}`"


def structs(module: ModuleType) -> list[type[Any]]:
    return classes(module, msgspec.Struct)


def classes(module: ModuleType, base: type[Any]) -> list[type[Any]]:
    """Returns the classes that a module defines, in the order of its lines."""
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, base)]
    return [one for one in found if one.__module__ == module.__name__]


def docstring(thing: Any, skip_title: bool = False) -> Iterator[str]:
    text = (inspect.getdoc(thing) or "").strip()
    if skip_title:
        text = text.partition("\n\n")[2]
    yield from (text, "") if text else ()


def fenced(text: str) -> Iterator[str]:
    yield from ("```text", text, "```", "")


def cell(text: str) -> str:
    """Returns a text for a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    sys.exit(main())
