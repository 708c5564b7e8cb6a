"""The edge to the machine: processes, services, faults, probes. Owns everything it starts.

- supervision: no process outlives the one that started it.
- scratch: private folders that are swept when their owner is gone.
- process_table: what /proc says about processes.
- process: one started server; spawn, exec_wrapper: how it gets to its place without a copy of us;
  readiness: how to tell that it answers; ports: where.
- faults: kill, terminate, pause, each confirmed; steps: named points at which a server waits.
- link: an emulated network of hosts, each a real kernel's end, without root; its own processes carry packets.
- postgresql, redis, nginx, caddy, haproxy, nats: private services; binaries: where their programs are.
- neighbour: a service that is as slow as it is asked to be; interpreters: Pythons besides our own.
- probes: CPU, memory, run-queue delay of a process tree; pressure: the same of the machine;
  device: bytes written on the block device; memory: a limit on it.
- needs: what is installed, and the command that installs what is not; machine: its description.
- rig: `Rig`, which ties them together for one trial.

Importing this package imports none of them, so that `needs` alone stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hinterland.rig.rig import Rig as Rig

__all__ = ["Rig"]


def __getattr__(name: str) -> Any:
    """Imports `Rig` only when it is asked for."""
    if name == "Rig":
        from hinterland.rig.rig import Rig

        return Rig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
