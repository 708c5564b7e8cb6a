"""Where experiments are: folders that hold `region/name/experiment.toml`. Nothing is imported to find them.

Three kinds of place, looked through in this order:

1. the atlas itself, `hinterland/experiments`;
2. folders named in the environment variable HINTERLAND_EXPERIMENTS, separated as in PATH;
3. packages that other distributions announce under the entry point group `hinterland.experiments`;
   the entry point's value is the dotted name of a package whose folder holds the region folders.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hinterland.package import FOLDER

MANIFEST = "experiment.toml"
FILES = ("experiment.py", "lesson.md")
"""What an experiment's folder holds beside its manifest."""
GROUP = "hinterland.experiments"
VARIABLE = "HINTERLAND_EXPERIMENTS"
ATLAS = FOLDER / "experiments"


def roots() -> Iterator[tuple[str, Path | None]]:
    """Yields each place as (who names it, its folder); None where the folder can't be found."""
    yield "hinterland", ATLAS
    for text in os.environ.get(VARIABLE, "").split(os.pathsep):
        if text:
            folder = Path(text).expanduser().resolve()
            yield f"{VARIABLE}={text}", folder if folder.is_dir() else None
    if not announced():
        return
    from importlib.metadata import entry_points  # Here, because it takes longer to import than the rest.

    for point in entry_points(group=GROUP):
        yield f"{GROUP} {point.name}={point.value}", package_folder(point.value)


def announced() -> bool:
    """Decides whether any installed distribution may announce experiments; quick, and never a false no."""
    for text in sys.path:
        if text.endswith((".zip", ".egg")) and os.path.isfile(text):
            return True
        with contextlib.suppress(OSError), os.scandir(text or ".") as entries:
            for entry in entries:
                if entry.name.endswith(".egg"):
                    return True
                if not entry.name.endswith((".dist-info", ".egg-info")):
                    continue
                with contextlib.suppress(OSError), open(f"{entry.path}/entry_points.txt", "rb") as file:
                    if GROUP.encode() in file.read():
                        return True
    return False


def package_folder(dotted: str) -> Path | None:
    """Returns the folder of the package `dotted` without importing it or its parents."""
    from importlib.machinery import PathFinder

    search: list[str] | None = None
    name = ""
    for part in dotted.partition(":")[0].split("."):
        name = f"{name}.{part}" if name else part
        try:
            spec = PathFinder.find_spec(name, search)
        except (ImportError, ValueError):
            return None
        if spec is None or spec.submodule_search_locations is None:
            return None
        search = list(spec.submodule_search_locations)
    return Path(search[0]) if search else None


def folders(root: Path) -> list[Path]:
    """Returns the experiment folders under `root`, sorted."""
    return sorted(path.parent for path in root.glob(f"*/*/{MANIFEST}"))
