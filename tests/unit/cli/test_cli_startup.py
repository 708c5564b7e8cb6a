"""What answers at once imports nothing heavy. Modules are counted here; benchmarks/startup prints times."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "numpy",
    "scipy",
    "pyarrow",
    "uvloop",
    "asyncio",
    "jinja2",
    "httptools",
    "rich.live",
    "rich.markdown",
}
SCRIPT = """
import sys
from hinterland.cli.start import start
status = start(sys.argv[1:])
print("\\nMODULES", status, *sorted(sys.modules))
"""


@pytest.mark.parametrize(
    ("arguments", "also"),
    [
        (["list"], {"rich", "cyclopts", "tomllib", "subprocess", "importlib.metadata"}),
        (["list", "--json"], {"rich", "cyclopts", "tomllib", "subprocess", "importlib.metadata"}),
        (["list", "protocols"], {"rich"}),
        (["--version"], {"rich", "cyclopts", "msgspec"}),
        (["--help"], {"rich", "cyclopts", "msgspec"}),
        (["runs"], {"rich"}),
    ],
)
def test_nothing_heavy_is_imported(arguments: list[str], also: set[str], tmp_path: Path) -> None:
    made_index(tmp_path)
    output = called(arguments, tmp_path)

    status, *modules = output.rpartition("MODULES ")[2].split()
    assert status == "0"
    assert not set(modules) & (HEAVY | also)


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["--version"], ["list"], ["list", "--json"]])
def test_what_needs_no_parser_is_answered_as_the_parser_would(
    arguments: list[str], columns: int, tmp_path: Path
) -> None:
    by_the_parser = SCRIPT.replace("from hinterland.cli.start import start", PARSER)
    quick, slow = (called(arguments, tmp_path, columns, script) for script in (SCRIPT, by_the_parser))
    assert quick.partition("MODULES")[0].rstrip() == slow.partition("MODULES")[0].rstrip()
    assert ("cyclopts" in slow.split(), "cyclopts" in quick.split()) == (True, False)


PARSER = "from hinterland.cli.app import parse as start"


def called(arguments: list[str], home: Path, columns: int = 80, script: str = SCRIPT) -> str:
    """Returns what a command prints, and the modules that it has imported then."""
    environment = {
        **os.environ,
        "COLUMNS": str(columns),
        "XDG_CACHE_HOME": str(home),
        "HINTERLAND_STORE": str(home / "runs"),
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout


def made_index(cache: Path) -> None:
    """Fills the index of manifests in `cache`, as any earlier command has done; also with new files in it."""
    script = (
        "from hinterland.catalogue import experiments, index\nindex.SETTLED_NS = -(10**15)\nexperiments()"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "XDG_CACHE_HOME": str(cache)}
    )
