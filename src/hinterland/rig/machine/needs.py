"""What experiments need and whether it is here, with the command that installs what is not.

A need is `kind:name`. Kinds: `python` (an importable module), `service` (a module of
`rig/services`), `program` (on the search path), `capability` (something the kernel or the rights of this user
allow). Nothing is imported or started to look, unless the version of a program is asked for; but whether a
link can be had is tried out in a child process.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable

from msgspec import Struct

from hinterland.errors import UsageError
from hinterland.rig.processes.binaries import as_typed, find_program
from hinterland.rig.processes.versions import program_version
from hinterland.rig.services import names as services
from hinterland.rig.services import programs_of
from hinterland.rig.services.nginx import INSTALL_STREAM, find_stream

__all__ = ["KNOWN_NEEDS", "NeedStatus", "check", "find_program"]

PYTHON_PACKAGES = {
    "OpenSSL": "pyopenssl",
    "aioquic": "aioquic",
    "cryptography": "cryptography",
    "dns": "dnspython",
    "h2": "h2",
    "lmdb": "lmdb",
    "nats": "nats-py",
    "psycopg": "psycopg[binary]",
    "redis": "redis",
    "rocksdict": "rocksdict",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}
PROGRAM_PACKAGES = {
    "node": "apt-get install -y nodejs",
    "java": "apt-get install -y default-jdk-headless",
    "javac": "apt-get install -y default-jdk-headless",
    "go": "apt-get install -y golang",
    "gcc": "apt-get install -y gcc",
    "openssl": "apt-get install -y openssl",
    "wrk": "apt-get install -y wrk",
    "ab": "apt-get install -y apache2-utils",
    "h2load": "apt-get install -y nghttp2-client",
    "chromium": "apt-get install -y chromium",
}


class NeedStatus(Struct, frozen=True):
    """Whether `need` is here. `where` is its path; `install` the command, or what to do, if it is not here.

    `version` is empty when it was not asked for or is not known.
    """

    need: str
    available: bool
    version: str = ""
    where: str = ""
    install: str = ""


def check(need: str, *, with_version: bool = False) -> NeedStatus:
    """Returns whether `need` is here. Raises UsageError for a kind, service or capability that is not known.

    `with_version` runs programs to ask for their version: up to some 100 ms each.
    """
    kind, _, name = need.partition(":")
    if kind not in CHECKS or not name:
        raise UsageError(
            f"need {need!r}: a need is kind:name, and the kind is one of {', '.join(CHECKS)}.",
            "For instance service:postgresql, python:lmdb or program:node.",
        )
    return CHECKS[kind](name, with_version)


def _python(module: str, with_version: bool) -> NeedStatus:
    package = PYTHON_PACKAGES.get(module, module.partition(".")[0])
    install = as_typed(f"pip install '{package}'")
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return NeedStatus(f"python:{module}", False, install=install)
    version = package_version(package.partition("[")[0]) if with_version else ""
    return NeedStatus(f"python:{module}", True, version, spec.origin or "", install)


def _service(service: str, with_version: bool) -> NeedStatus:
    programs = programs_of(service)
    install = as_typed(programs.install)
    found = programs.find()
    if found is None:
        return NeedStatus(f"service:{service}", False, install=install)
    version = program_version(found.main) if with_version else ""
    return NeedStatus(f"service:{service}", True, version, str(found.main), install)


def _program(name: str, with_version: bool) -> NeedStatus:
    install = PROGRAM_PACKAGES.get(name, f"apt-get install -y {name}")
    found = find_program(name)
    if found is None:
        return NeedStatus(f"program:{name}", False, install=install)
    return NeedStatus(
        f"program:{name}", True, program_version(found) if with_version else "", str(found), install
    )


def _capability(name: str, with_version: bool) -> NeedStatus:
    if name not in CAPABILITIES:
        raise UsageError(
            f"need 'capability:{name}': the capabilities are {', '.join(CAPABILITIES)}.",
            "Or say what is needed as program:NAME or python:MODULE.",
        )
    look, install = CAPABILITIES[name]
    where = look()
    if name == "link" and where is None:
        install = _link_unlock() or install
    return NeedStatus(f"capability:{name}", where is not None, where=where or "", install=as_typed(install))


def _root() -> str | None:
    return "effective user 0" if os.geteuid() == 0 else None


def _cgroup_memory() -> str | None:
    from hinterland.rig.probes.memory import parent_group

    found = parent_group()
    return str(found) if found else None


def _block_device_counters() -> str | None:
    from hinterland.rig.probes.device import counter_of, works
    from hinterland.rig.processes.scratch import default_place

    folder = default_place()
    try:
        found = counter_of(folder)
        return str(found.resolve()) if found is not None and works(folder, found) else None
    except OSError:
        return None


def _pressure() -> str | None:
    return "/proc/pressure" if os.path.exists("/proc/pressure/cpu") else None


def _two_cores() -> str | None:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores" if cores >= 2 else None


def _congestion_bbr() -> str | None:
    from hinterland.rig.link.kernel.settings import congestion_controls

    return "tcp_bbr" if "bbr" in congestion_controls() else None


def _link() -> str | None:
    """Returns the tier that carries packets here; a proxy carries none."""
    from hinterland.rig.link.kernel.tiers import survey

    tier = survey().tier
    return None if tier == "proxy" else f"tier {tier}"


def _free_threaded_python() -> str | None:
    from hinterland.rig.machine.interpreters import free_threaded_python

    found = free_threaded_python()
    return str(found) if found else None


def _nginx_stream() -> str | None:
    found = find_stream()
    return str(found.program) if found else None


def _link_unlock() -> str:
    from hinterland.rig.link.kernel.tiers import survey

    return next((each.unlock for each in survey().refusals if each.unlock), "")


CHECKS: dict[str, Callable[[str, bool], NeedStatus]] = {
    "python": _python,
    "service": _service,
    "program": _program,
    "capability": _capability,
}
CAPABILITIES: dict[str, tuple[Callable[[], str | None], str]] = {
    "root": (_root, "run hinterland with sudo"),
    "two_cores": (_two_cores, "give this machine a second core"),
    "cgroup_memory": (
        _cgroup_memory,
        "run as root, or: systemd-run --user --scope -p Delegate=yes hinterland ...",
    ),
    "block_device_counters": (
        _block_device_counters,
        "set TMPDIR to a folder on a disk with a Linux filesystem (not tmpfs, not an overlay)",
    ),
    "congestion_bbr": (_congestion_bbr, "load the kernel's module: sudo modprobe tcp_bbr"),
    "free_threaded_python": (
        _free_threaded_python,
        "uv python install 3.14t   (it puts python3.14t into ~/.local/bin, which must be on PATH)",
    ),
    "nginx_stream": (_nginx_stream, INSTALL_STREAM),
    "link": (_link, "run as root on a kernel with network namespaces and /dev/net/tun"),
    "pressure": (_pressure, "boot with psi=1 on a kernel of 4.20 or later"),
}
KNOWN_NEEDS: tuple[str, ...] = (
    *(f"service:{name}" for name in services()),
    *(f"python:{name}" for name in PYTHON_PACKAGES),
    "program:node",
    "program:java",
    *(f"capability:{name}" for name in CAPABILITIES),
)


def package_version(package: str) -> str:
    """Returns the installed version of a Python distribution, empty when it is not known."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
