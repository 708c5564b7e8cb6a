"""The arrows of the design: who may import whom, what the pure parts must not touch, how long is too long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hinterland import lab
from hinterland.lab import testing

SOURCE = Path(__file__).parents[2] / "src" / "hinterland"
MODULES = sorted(
    path
    for path in SOURCE.rglob("*.py")
    if not {"experiments", "scaffold"} & set(path.relative_to(SOURCE).parts)
)
EXPERIMENTS = sorted(SOURCE.glob("experiments/*/*/experiment.py"))
EXPERIMENTS += [SOURCE / "scaffold" / "experiment.py"]
EXPERIMENT_TESTS = sorted(
    [*SOURCE.glob("experiments/*/*/test_*.py"), SOURCE / "scaffold" / "test_TEMPLATE_NAME.py"]
)
PARTS = (
    "model",
    "statistics",
    "claims",
    "drawing",
    "packets",
    "checkers",
    "rig",
    "load",
    "runner",
    "report",
    "catalogue",
    "loads",
    "lab",
    "cli",
)
BELOW = {
    "errors": set[str](),
    "model": set[str](),
    "statistics": {"model"},
    "claims": {"model", "statistics"},
    "drawing": {"model", "statistics"},
    "packets": {"model", "statistics", "drawing"},
    "checkers": {"model", "statistics", "packets"},
    "rig": {"model", "statistics", "checkers"},
    "load": {"model", "statistics", "checkers"},
    "runner": {"model", "statistics", "claims", "checkers", "packets", "drawing", "rig", "load"},
    "report": {"model", "statistics", "claims", "checkers", "packets", "drawing", "rig", "load"},
    "catalogue": {"model", "statistics", "claims", "checkers", "packets", "drawing", "rig", "load"},
    "loads": {"model", "statistics", "checkers", "packets", "drawing", "rig", "load", "runner", "report"},
    "pytest_plugin": {"rig", "loads"},
    "lab": {
        "model",
        "statistics",
        "claims",
        "checkers",
        "packets",
        "drawing",
        "rig",
        "load",
        "runner",
        "catalogue",
    },
    "cli": {
        "model",
        "statistics",
        "claims",
        "checkers",
        "packets",
        "drawing",
        "rig",
        "load",
        "runner",
        "report",
        "catalogue",
    },
}
"""What each part may import of ours besides itself and `errors`."""

PURE = ("model", "statistics", "claims", "checkers")
TOUCHES_THE_WORLD = {
    "aiohttp", "asyncio", "ctypes", "datetime", "fcntl", "glob", "http", "io", "multiprocessing", "os",
    "pathlib", "psutil", "pyarrow", "random", "resource", "secrets", "select", "selectors", "shutil",
    "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
    "uvloop",
}  # fmt: skip
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def part_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Yields every dotted name that a module imports, anywhere in it; imports for types alone count too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """Returns which parts of the package a module imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("hinterland.")}
    return names & {*PARTS, "experiments"}


def test_every_part_is_known() -> None:
    assert {part_of(path) for path in MODULES} <= {*BELOW, "__init__", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_down(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return

    assert ours(path) - {part} <= BELOW[part]


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in PURE], ids=name_of)
def test_the_pure_parts_touch_neither_files_nor_clocks(path: Path) -> None:
    assert {name.split(".")[0] for name in imports(path)} & TOUCHES_THE_WORLD == set()
    calls = {
        node.func.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval"}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=name_of)
def test_an_experiment_imports_nothing_of_ours_but_the_lab(path: Path) -> None:
    """What moves behind the face is no experiment's affair."""
    allowed = {"hinterland.lab", *(f"hinterland.lab.{name}" for name in lab.__all__)}
    assert {name for name in imports(path) if name.split(".")[0] == "hinterland"} <= allowed


@pytest.mark.parametrize("path", EXPERIMENT_TESTS, ids=name_of)
def test_the_test_of_an_experiment_needs_its_bench_besides(path: Path) -> None:
    allowed = {"hinterland.lab", *(f"hinterland.lab.{name}" for name in lab.__all__)}
    allowed |= {"hinterland.lab.testing", *(f"hinterland.lab.testing.{name}" for name in testing.__all__)}
    assert {name for name in imports(path) if name.split(".")[0] == "hinterland"} <= allowed


def test_what_the_lab_hands_on_is_there() -> None:
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    assert all(getattr(lab, name) is not None for name in lab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Rig'"):
        _ = lab.Rig


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_experiment_is_named_in_an_import(path: Path) -> None:
    assert "experiments" not in ours(path) or part_of(path) == "catalogue"
    assert not any(name.startswith("hinterland.experiments") for name in imports(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_named_by_what_it_holds_and_short_enough(path: Path) -> None:
    assert path.stem not in BANNED_NAMES
    assert path.parent.name not in BANNED_NAMES
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE, f"{lines} lines: what is it hiding?"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {n.name: (n.end_lineno or n.lineno) - n.lineno + 1 for n in functions}

    assert {name: length for name, length in long.items() if length > LONGEST_FUNCTION} == {}
