"""What answers at once imports nothing heavy. Modules are counted here; benchmarks/startup prints times."""

from __future__ import annotations

import subprocess
import sys

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
from hinterland.cli.app import start
status = start(sys.argv[1:])
print("\\nMODULES", status, *sorted(sys.modules))
"""


@pytest.mark.parametrize(
    ("arguments", "also"),
    [
        (["list"], {"rich"}),
        (["list", "--json"], {"rich"}),
        (["--version"], set()),
        (["--help"], set()),
        (["runs"], {"rich"}),
    ],
)
def test_nothing_heavy_is_imported(arguments: list[str], also: set[str], tmp_path: object) -> None:
    output = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--store", str(tmp_path), *arguments],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    status, *modules = output.rpartition("MODULES ")[2].split()
    assert status == "0"
    assert not set(modules) & (HEAVY | also)
