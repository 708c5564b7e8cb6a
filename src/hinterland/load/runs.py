"""Loads from Python: `run_load`, and what it returns, in a script, a test or a notebook.

found = hinterland.run_load("http://localhost:8080/", rate=2000, duration_s=10)
found.percentile(0.99)      # seconds since each operation was due
found.to_frame()            # every operation, for pandas
found                       # in a notebook: the latency spectrum
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hinterland.errors import SetupError, SystemFailure, UsageError
from hinterland.load import session
from hinterland.load.judging.asserted import asserted
from hinterland.load.judging.compare import compare
from hinterland.load.options.declared import NAMES, Asked
from hinterland.load.options.planned import plan
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Objective
from hinterland.load.record import folder as records
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.record import Asserted, LoadRecord
from hinterland.load.result.result import LoadResult
from hinterland.statistics.histogram import Histogram
from hinterland.store import default_store

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import pyarrow as pa

    from hinterland.rig.link.host import Host

Watch = Callable[[LoadResult], None]


class LoadRun:
    """A load that was driven. `result` has its figures, `record` what was kept in the store."""

    def __init__(self, record: LoadRecord, operations: Path | None = None) -> None:
        if record.result is None:
            raise UsageError(
                f"{record.id} is a search for capacity, not a load.", "Its figures: record.capacity"
            )
        self.record, self.result = record, record.result
        self._operations = operations or Path(record.folder) / records.OPERATIONS
        self._response = Histogram.from_counts(self.result.response)

    @classmethod
    def read(cls, name: str, store: Path | None = None) -> LoadRun:
        """Returns an earlier load from the store: its id, a unique part of that, its folder, or `last`."""
        return cls(records.load(store or default_store(), name))

    @property
    def id(self) -> str:
        """Its name in the store, for `hinterland report` and `--vs`."""
        return self.record.id

    def percentile(self, q: float) -> float:
        """Returns the response time in s within which a share `q` of all operations had a good answer.

        Infinite where it lies among operations that never had one.
        """
        return self._response.percentile(q)

    def holds(self, objective: str | Objective) -> Asserted:
        """Returns whether an objective such as `p99 < 50ms` held: passed, failed or undecided."""
        return asserted(parse_objective(objective) if isinstance(objective, str) else objective, self.result)

    def check(self, *objectives: str | Objective) -> LoadRun:
        """Returns this load if every objective passed. Raises SystemFailure with those that did not."""
        found = [self.holds(one) for one in objectives]
        broken = [one for one in found if one.verdict != "passed"]
        if broken:
            says = "; ".join(
                f"{one.text}: {one.verdict}, {one.measured}{f' ({one.why})' if one.why else ''}"
                for one in broken
            )
            # A record in another store is found by its folder.
            here = Path(self.record.folder).parent == default_store()
            name = self.id if here else self.record.folder
            raise SystemFailure(f"{self.record.url}: {says}.", f"See: hinterland report {name}")
        return self

    def against(self, earlier: LoadRun) -> Comparison:
        """Returns this load compared with an earlier one: ratios with intervals, and errors."""
        return compare(self.result, earlier.result, names=(self.id, earlier.id))

    def to_table(self) -> pa.Table:
        """Returns every operation as a pyarrow table. Raises UsageError where none were kept."""
        import pyarrow.parquet as parquet

        if not self._operations.exists():
            raise UsageError(
                f"{self.id} kept no operations: {self._operations} is not there.",
                "Give run_load(..., operations=True), or hinterland load --operations FILE.",
            )
        return parquet.read_table(self._operations)

    def to_frame(self) -> pandas.DataFrame:
        """Returns every operation as a pandas DataFrame. Raises SetupError where pandas is not installed."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise SetupError(
                "pandas is not installed.", "Install it: pip install pandas, or use .to_table()"
            ) from error
        return self.to_table().to_pandas()

    def to_html(self) -> str:
        """Returns the whole report, as one HTML file."""
        from hinterland.load.report import page as load_page

        return load_page.render(self.record)

    def _repr_html_(self) -> str:
        from hinterland.load.report import page as load_page

        return load_page.chart(self.result)

    def __repr__(self) -> str:
        return f"<LoadRun {self.record.url} {self.record.says}>"


async def run_load_async(
    url: str,
    *,
    operations: bool | Path = True,
    store: Path | None = None,
    watch: Watch | None = None,
    through: Host | None = None,
    **asked: Any,
) -> LoadRun:
    """As `run_load`, in a loop that is running. Cancelled, it returns what was measured until then."""
    wanted = plan(url, _asked(asked))
    record = await session.drive(
        wanted, store or default_store(), watch=watch, operations=operations, through=through
    )
    return LoadRun(record, operations if isinstance(operations, Path) else None)


def run_load(
    url: str,
    *,
    operations: bool | Path = True,
    store: Path | None = None,
    watch: Watch | None = None,
    through: Host | None = None,
    **asked: Any,
) -> LoadRun:
    """Drives a load and returns what it came to; its record is in the store.

    `asked` are the options of `hinterland load`: rate, poisson, ramp, steps, trace, closed, duration_s,
    count, warm_up_s, connections, http, streams, pipelining, new_connections, subscribe, follow,
    timeout_s, method, header, body, request, requests, scenario, data, keys, zipf, check, extract,
    objectives, processes, scheduler, sources, seed, ca, insecure, cert, key, connect_to, unix_socket.
    Without a rate it is an open loop at 100/s; `closed=True` is the other model. operations: whether
    every operation is kept, in the record, for `to_frame`; or the Parquet file to keep them in. watch:
    gets the result so far, about four times a second. through: the end of a link from which the load
    comes, to a host of the same link, by its name: `through=link.client`. Raises UsageError for what
    can't be asked, and where the target has not agreed.
    """
    return session.in_loop(
        lambda: run_load_async(url, operations=operations, store=store, watch=watch, through=through, **asked)
    )


def find_capacity(
    url: str,
    objective: str | Objective,
    *,
    store: Path | None = None,
    through: Host | None = None,
    **asked: Any,
) -> CapacityResult:
    """Returns the highest rate at which an objective such as `p99 < 20ms` holds; see `run_load`."""
    from msgspec.structs import replace

    wanted = _asked(asked)
    made = plan(url, wanted)
    made = replace(made, arrivals=replace(made.arrivals, rate_per_s=wanted.rate or 0.0))
    goal = parse_objective(objective) if isinstance(objective, str) else objective
    record = session.in_loop(lambda: session.search(made, goal, store or default_store(), through=through))
    assert record.capacity is not None
    return record.capacity


def _asked(options: dict[str, Any]) -> Asked:
    unknown = sorted(set(options) - set(NAMES))
    if unknown:
        raise UsageError(f"{unknown[0]} is not an option of a load.", f"They are {', '.join(NAMES)}.")
    return Asked(**options)
