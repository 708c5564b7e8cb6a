"""What the machine is: the part of a record that says where its numbers come from."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from hinterland.rig.machine.needs import PYTHON_PACKAGES, package_version
from hinterland.rig.probes.device import counter_of
from hinterland.rig.processes.binaries import find_program
from hinterland.rig.processes.scratch import default_place
from hinterland.rig.processes.versions import program_version, version_command, version_in
from hinterland.rig.services import find_service, names

CPU = Path("/sys/devices/system/cpu")
CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
OWN_PACKAGES = ("hinterland", "numpy", "scipy", "uvloop", "httptools", "pyarrow", "msgspec")


def describe(folder: Path | None = None) -> dict[str, Any]:
    """Returns the machine as JSON values: CPU, memory, kernel, filesystem of `folder`, versions of every
    component.

    `folder` is by default the temporary folder. What can't be known is an empty string, or None for a number.
    """
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "system": _system(),
        "virtual": _is_virtual(),
        "mitigations": _mitigations(),
        "governor": _read(CPU / "cpu0/cpufreq/scaling_governor"),
        "clock_source": _read(CLOCK),
        "congestion_control": _read(Path("/proc/sys/net/ipv4/tcp_congestion_control")),
        "disk": _disk(default_place() if folder is None else folder),
        "python": platform.python_version(),
        "python_implementation": sys.implementation.name,
        "packages": dict(_packages()),
        "services": dict(_services()),
    }


def _cpu_model() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return platform.machine()


def _system() -> str:
    for line in _read(Path("/etc/os-release")).splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()


def _is_virtual() -> bool:
    return any(
        line.startswith("flags") and " hypervisor" in line
        for line in _read(Path("/proc/cpuinfo")).splitlines()
    )


def _mitigations() -> dict[str, str]:
    """Returns the kernel's word on each weakness of the CPU that it works against."""
    folder = CPU / "vulnerabilities"
    if not folder.is_dir():
        return {}
    found = {each.name: _read(each) for each in sorted(folder.iterdir())}
    return {name: says for name, says in found.items() if says and says != "Not affected"}


def _disk(folder: Path) -> dict[str, Any]:
    kind, options = "", ""
    resolved = str(folder.resolve())
    longest = -1
    for line in _read(Path("/proc/self/mounts")).splitlines():
        _, where, found, found_options, *_ = line.split()
        if (resolved + "/").startswith(where.rstrip("/") + "/") and len(where) >= longest:
            longest, kind, options = len(where), found, found_options
    counter = counter_of(folder)
    device = counter.resolve().parent if counter is not None else None
    space = os.statvfs(folder)
    return {
        "filesystem": kind,
        "options": options,
        "device": device.name if device else "",
        "rotational": _rotational(device) if device else None,
        "free_bytes": space.f_bavail * space.f_frsize,
    }


def _rotational(device: Path) -> bool | None:
    for folder in (device, device.parent):
        says = _read(folder / "queue/rotational")
        if says:
            return says == "1"
    return None


def _packages() -> Iterable[tuple[str, str]]:
    for name in (*OWN_PACKAGES, *(package.partition("[")[0] for package in PYTHON_PACKAGES.values())):
        version = package_version(name)
        if version:
            yield name, version


@cache
def _services() -> tuple[tuple[str, str], ...]:
    """Returns the versions of services and runtimes. Asks all programs at once, and only the first time."""
    found = {service: find_service(service) for service in names()}
    paths = {service: each.main for service, each in found.items() if each is not None}
    versions = {}
    asked = {}
    for name in ("node", "java"):
        path = find_program(name)
        if path is not None:
            paths[name] = path
    for name, path in paths.items():
        if name == "java":
            versions[name] = program_version(path)
        else:
            asked[name] = subprocess.Popen(
                version_command(path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
    for name, process in asked.items():
        out, _ = process.communicate()
        versions[name] = version_in(out.decode(errors="replace"))
    return tuple(sorted(versions.items()))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
