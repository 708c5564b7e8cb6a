"""The visits of a scenario: each has its number and its row of data, the rest is the scenario's."""

from __future__ import annotations

from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.requests import draws
from hinterland.load.requests.rows import read_rows
from hinterland.load.requests.values import ROW
from hinterland.load.scenario.file import Scenario


class ScenarioRequests:
    """The visits of a scenario (`outgoing.Requests`): each only has its number, the rest is its lane's."""

    def __init__(self, plan: LoadPlan, *, processes: int = 1) -> None:
        if plan.target.protocol != "http1":
            raise UsageError(
                "a scenario speaks HTTP/1.1.", "Give an http:// or https:// URL, without --http."
            )
        self.scenario = Scenario(plan.scenario)
        self.kinds: tuple[str, ...] = self.scenario.kinds
        # Lanes decide which status is good, and fail the others by themselves.
        self.any_status: tuple[bool, ...] = (True,) * len(self.kinds)
        self.constant: Outgoing | None = None
        self.seed = plan.seed
        self.rows = read_rows(plan.data.rows) if plan.data.rows else None
        count = self.rows.count if self.rows else 1
        self._random_row = draws.Stream(plan.seed, ROW, processes, draws.whole(0, count - 1))
        self._in_turn = plan.data.order == "in_turn"

    def begin(self, visit: int) -> Outgoing:
        """Returns what tells a lane which visit it is."""
        outgoing = Outgoing(b"", kind=len(self.kinds) - 1)
        outgoing.visit = visit
        return outgoing

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        """Nothing: the scenario judges its answers."""
        return ""

    def then(self, outgoing: Outgoing) -> Outgoing | None:
        """Nothing: the scenario knows what follows."""
        return None

    @property
    def first_exception(self) -> str:
        """The traceback of the first exception of a visit, empty if there was none."""
        return self.scenario.first_exception

    def row(self, visit: int) -> dict[str, str]:
        """Returns the row of data that a visit has; empty without data."""
        rows = self.rows
        if rows is None:
            return {}
        place = visit % rows.count if self._in_turn else self._random_row(visit)
        return {name: column[place] for name, column in rows.columns.items()}
