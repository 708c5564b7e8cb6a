"""`hinterland new region/name`: an experiment of your own, small, real and passing its own tests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hinterland.catalogue.places import ATLAS, MANIFEST
from hinterland.cli.terminal.documents import NewDocument
from hinterland.cli.terminal.options import Json
from hinterland.cli.terminal.output import heading, paint, print_json
from hinterland.errors import SetupError, UsageError
from hinterland.model.experiment import REGIONS
from hinterland.package import FOLDER

TEMPLATE = FOLDER / "scaffold"
PLACE = {"region": "TEMPLATE_REGION", "name": "TEMPLATE_NAME", "title": "TEMPLATE_TITLE"}
"""What stands in the template's files for the words that a new experiment brings."""


def new(
    identity: Annotated[str, Parameter(name="REGION/NAME", help="Such as patterns/slow_consumer.")],
    /,
    *,
    folder: Annotated[
        Path | None,
        Parameter(metavar="DIR", help="Where to make REGION/NAME; see above for the default."),
    ] = None,
    json: Json = False,
) -> int:
    """Start an experiment of your own: a real one, which runs in ten seconds and passes its own tests.

    In a checkout of Hinterland it joins the atlas, elsewhere it is made under the current folder. There
    its id works from that folder, and everywhere with HINTERLAND_EXPERIMENTS=DIR.
    """
    region, name = split(identity)
    root = (folder or default_root()).expanduser().absolute()
    target = root / region / name
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty.", "Choose another name, or remove that folder.")
    try:
        left_out = "conftest.py" if root == ATLAS else ""
        files = fill(
            target, {"region": region, "name": name, "title": name.replace("_", " ").capitalize()}, left_out
        )
    except OSError as error:
        raise SetupError(
            f"{target} can't be written: {error.strerror or error}.",
            "Give a folder that you may write: --folder DIR",
        ) from error
    if json:
        print_json(NewDocument(f"{region}/{name}", str(target), tuple(map(str, files))))
        return 0
    print(f"{heading(str(target))}")
    for file in files:
        print(f"  {file.relative_to(target)}")
    known = root == ATLAS or root == Path.cwd()
    if not known:
        print(f"\nMake it known:  {paint(f'export HINTERLAND_EXPERIMENTS={root}', 'cyan')}")
    print(f"\nTest it:  {paint(f'python -m pytest {shortest(target)}', 'cyan')}")
    print(f"Run it:   {paint(f'hinterland run {region}/{name}', 'cyan')}")
    print(f"Then read {MANIFEST} and experiment.py, and make it ask your question.")
    return 0


def split(identity: str) -> tuple[str, str]:
    """Returns region and name. Raises UsageError if they can't name a folder of the atlas."""
    region, slash, name = identity.strip().strip("/").partition("/")
    if not slash or not name:
        raise UsageError(
            f"{identity} must be region/name.", "For example: hinterland new patterns/slow_consumer"
        )
    if region not in REGIONS:
        raise UsageError(f"{region} is not a region.", f"They are: {', '.join(REGIONS)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789") or "my_question"
        raise UsageError(
            f"{name} must be lower case letters, digits and underscores, and start with a letter.",
            f"For example: hinterland new {region}/{near}",
        )
    return region, name


def default_root() -> Path:
    """Returns the atlas itself inside a checkout of Hinterland, else the current folder."""
    checkout = ATLAS.parents[2]
    inside = (checkout / "pyproject.toml").is_file() and Path.cwd().resolve().is_relative_to(checkout)
    return ATLAS if inside else Path.cwd()


def fill(target: Path, words: dict[str, str], left_out: str = "") -> list[Path]:
    """Copies the template to `target` with the words in place and returns the new files."""
    made = []
    for source in sorted(
        path
        for path in TEMPLATE.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != left_out
    ):
        relative = source.relative_to(TEMPLATE).as_posix()
        path = target / relative.replace(PLACE["name"], words["name"])
        text = source.read_text(encoding="utf-8")
        for key, placeholder in PLACE.items():
            text = text.replace(placeholder, words[key])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        shutil.copymode(source, path)
        made.append(path)
    return made


def shortest(path: Path) -> str:
    """Returns the path as a person in the current folder would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
