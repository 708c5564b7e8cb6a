"""A service as a value: `await rig.start(redis(appendonly="yes"))`. The rig knows no service by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from hinterland.rig.rig import Rig

T = TypeVar("T")


@dataclass(frozen=True)
class Service(Generic[T]):
    """What can be started. `start` gets the rig and a name that nobody else has, and returns what runs."""

    name: str
    start: Callable[[Rig, str], Awaitable[T]]

    async def started_by(self, rig: Rig) -> T:
        """Starts it, and returns when it is ready. Raises SetupError where it is not installed."""
        return await self.start(rig, rig.claim_name(self.name))
