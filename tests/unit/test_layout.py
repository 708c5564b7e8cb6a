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
FLOORS = (
    "errors",
    "package",
    "model",
    "statistics",
    "drawing",
    "claims.grounds",
    "claims.forms",
    "claims",
    "packets",
    "packets.ladder",
    "checkers",
    "store",
    "clients",
    "load.plan",
    "load.result",
    "load.judging",
    "load.record",
    "load.engine",
    "load.drivers",
    "load.drivers.transport",
    "load.drivers.tcp",
    "load.drivers.udp",
    "load.drivers.http1",
    "load.drivers.http2",
    "load.drivers.http3",
    "load.drivers.websocket",
    "load.drivers.event_stream",
    "load.drivers.postgresql",
    "load.drivers.redis",
    "load.requests",
    "load.options",
    "load.scenario",
    "load.worker",
    "load.inline",
    "rig.processes",
    "rig.probes",
    "rig.link.pipe",
    "rig.link.kernel",
    "rig.link.carrier",
    "rig.link",
    "rig",
    "rig.services",
    "rig.machine",
    "runner.record",
    "runner.trials",
    "runner.keeper",
    "catalogue",
    "report.charts",
    "report",
    "load.conductor",
    "load.capacity",
    "load.report",
    "load",
    "runner",
    "exchange",
    "lab.crowd",
    "lab.audience",
    "lab",
    "pytest_plugin",
    "web.reader",
    "web.running",
    "web.content",
    "web.pages",
    "web",
    "cli.terminal",
    "cli.run",
    "cli.load",
    "cli.link",
    "cli.atlas",
    "cli.kept",
    "cli",
)
"""The rooms from the ground up: a module imports from its own and those before it, so none is in a circle."""
KEPT_APART = {
    "rig": ("load", "clients"),
    "load": ("runner", "catalogue", "rig.services", "rig.probes"),
    "runner": ("report", "catalogue", "load.conductor", "load.capacity", "load.record"),
    "catalogue": ("runner", "load"),
    "report": ("runner", "catalogue", "load", "rig"),
    "lab": ("report",),
}
"""Parts further down that a part does not know all the same."""

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
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def room_of(path: Path) -> str:
    """Returns the folder of a module, dotted; its own name where it lies in none."""
    inner = path.relative_to(SOURCE)
    return ".".join(inner.parts[:-1]) or inner.stem


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


ROOMS = {".".join(path.relative_to(SOURCE).with_suffix("").parts): room_of(path) for path in MODULES}
ROOMS |= {name.removesuffix(".__init__"): room for name, room in ROOMS.items() if name.endswith(".__init__")}


def rooms_beside(path: Path) -> set[str]:
    """Returns which other rooms a module imports from."""
    names = {name.removeprefix("hinterland.") for name in imports(path)}
    # `from hinterland.report import story` names the folder as well: the module is what is meant.
    named = {name for name in names if not any(other.startswith(f"{name}.") for other in names)}
    return {ROOMS[name] for name in named if name in ROOMS} - {room_of(path)}


def is_in(room: str, part: str) -> bool:
    return room == part or room.startswith(f"{part}.")


def test_every_room_has_its_floor() -> None:
    assert set(ROOMS.values()) - {"__init__", "__main__"} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_down(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return

    floor, apart = FLOORS.index(room), KEPT_APART.get(part_of(path), ())
    beside = rooms_beside(path)
    assert {other for other in beside if FLOORS.index(other) > floor} == set()
    assert {other for other in beside if any(is_in(other, part) for part in apart)} == set()


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
