"""What CONTRIBUTING promises: each kind of thing that the house grows by is added in its place, and works."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland import lab, package
from hinterland.cli.start import start
from hinterland.load import drivers
from hinterland.load.inline.sample import sampled
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan_here
from hinterland.load.plan.protocols import PROTOCOLS, Scheme, Traits
from hinterland.rig import services
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

DRIVER = '''
"""Shouts: a line, and the same line in capitals."""

from hinterland.clients.message import Response
from hinterland.load.drivers.transport.socket_lane import SocketLane
from hinterland.load.engine.failures import code_of


class Shout(SocketLane):
    def send(self, outgoing):
        self.line, self.heard = outgoing.wire.strip() + b"\\n", b""
        self.write(self.line)

    def received(self, data):
        self.heard += data
        if self.heard == self.line.upper():
            self.judge(Response(0, {}, self.heard))
        elif self.heard.endswith(b"\\n"):
            self.end(code_of("it was not in capitals"))


def lanes(plan, connections, *, listener, requests, new_socket=None):
    return [Shout(number, plan, listener, requests, new_socket=new_socket) for number in range(connections)]
'''
SERVICE = '''
"""A private server of files: Python's own."""

from dataclasses import dataclass

from hinterland.rig.processes.binaries import Programs
from hinterland.rig.service import Service

PROGRAMS = Programs("files", (("python3",),), "apt-get install -y python3")


@dataclass(frozen=True)
class Files:
    process: object
    port: int


def files(*, name="files"):
    return Service(name, start)


async def start(rig, name):
    from hinterland.rig.readiness import HttpReady

    port = rig.free_port()
    program = PROGRAMS.need(rig.search_path, rig.wheels).main
    process = await rig.start(
        [program, "-m", "http.server", port, "--bind", "127.0.0.1"],
        name=name, port=port, ready=HttpReady(), cwd=rig.folder(name),
    )
    return Files(process, port)
'''
OPTION_FIELD = """
    shout: Annotated[
        int | None, Option("requests", "How loud.", "N", kept="shout", keep=lambda given: given or 0)
    ] = None
"""
PLAN_FIELD = "\n    shout: int = 0\n"


async def shouting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper() if b"quiet" not in line else line)
    writer.close()


def test_a_driver_is_a_folder_and_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shout").mkdir()
    (tmp_path / "shout" / "driver.py").write_text(DRIVER)
    monkeypatch.setattr(drivers, "__path__", [*drivers.__path__, str(tmp_path)])
    monkeypatch.setitem(PROTOCOLS, "shout", Traits(says="Shouts", schemes=(Scheme("shout", False, None),)))

    async def use() -> None:
        server = await asyncio.start_server(shouting, "127.0.0.1", 0)
        url = f"shout://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for body, good in (("hear me", True), ("quiet", False)):
            sample = await sampled(plan_here(url, Asked(closed=True, count=8, connections=2, body=body)))
            assert len(sample.done_ns) == 8
            assert sample.answered.all() == good
        assert {sample.errors[code] for code in sample.error} == {"it was not in capitals"}
        server.close()

    asyncio.run(use())


@pytest.fixture
def with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "files.py").write_text(SERVICE)
    monkeypatch.setattr(services, "__path__", [*services.__path__, str(tmp_path)])
    services.names.cache_clear()
    yield
    services.names.cache_clear()
    sys.modules.pop("hinterland.rig.services.files", None)


@pytest.mark.usefixtures("with_files")
def test_a_service_is_one_file(scratch: Path) -> None:
    from hinterland.rig.machine.needs import check

    assert check("service:files").available

    async def use() -> None:
        async with Rig(scratch=scratch, cache=scratch, record=lambda event: None) as rig:
            served = await rig.start(lab.files())
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.close()

    asyncio.run(use())


def test_an_option_of_a_load_is_two_places(tmp_path: Path) -> None:
    """In a copy of the package: where it is asked for, and where the plan keeps it."""
    copy = tmp_path / "hinterland"
    shutil.copytree(package.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "experiments"))
    for name, behind, added in (
        ("load/options/declared.py", r"\n    follow: Annotated\[", OPTION_FIELD),
        ("load/plan/plan.py", r"\n    follow: bool = False\n", PLAN_FIELD),
    ):
        path = copy / name
        text = path.read_text()
        place = re.search(behind, text)
        assert place is not None, name
        path.write_text(text[: place.start()] + added + text[place.start() :])

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HINTERLAND_STORE": str(tmp_path / "store")}
        done = subprocess.run(
            [sys.executable, "-B", *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert re.search(r"--shout N +How loud\.", run("-m", "hinterland", "load", "--help"))
    asked = (
        "from hinterland.load.options.planned import plan; from hinterland.load.options.declared import Asked"
    )
    assert run("-c", f"{asked}; print(plan('http://h/', Asked(shout=3)).shout)") == "3\n"
    assert run("-c", "from hinterland import run_load; print(run_load.__name__)") == "run_load\n"


def test_an_experiment_is_its_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["new", "patterns/slow_reader", "--folder", str(tmp_path)]) == 0
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    own = {name for name in made if not name.endswith("conftest.py") and "/histories/" not in name}
    assert {name.partition("/")[0] for name in made} == {"patterns"}
    assert len(own) <= 6, own
    assert "patterns/slow_reader" in capsys.readouterr().out
