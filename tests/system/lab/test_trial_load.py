"""`t.load`: a trial drives any protocol, by the options of `hinterland load`, and keeps every operation."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest

from hinterland.errors import UsageError
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan_here
from hinterland.runner.record import histories
from hinterland.runner.run import RunOptions, run_experiment

pytestmark = pytest.mark.system

TRIAL = """
from hinterland.lab import nginx, postgresql, redis

async def trial(t: Trial) -> None:
    store, web = await t.start(redis()), await t.start(nginx("return 200;"))
    shop = await t.start(postgresql())
    t.phase("measure")
    t.reading("rate", measured(t))
    await t.load("reads", store.url, rate=400, duration_s=0.25, connections=2, body="GET here")
    await t.load("typos", store.url, closed=True, count=6, connections=2, body="GIT here")
    await t.load("pages", web.port, schedule=np.arange(40) * 2_000_000, connections=4)
    rows = await t.load("rows", shop.tcp_dsn, closed=True, count=12, connections=3, body="select 1")
    t.reading("rows", int(rows.answered.sum()))
"""


def test_a_trial_loads_whatever_it_started(tmp_path: Path) -> None:
    experiment = lab.write(tmp_path / "lab", TRIAL)
    levels = {"variant": ("fast",), "load": ("high",)}
    options = RunOptions(store=tmp_path / "store", blocks=1, set=levels)  # type: ignore[arg-type]
    found = run_experiment(experiment, options)
    [trial] = found.trials
    assert (trial.status, trial.cause, trial.log) == ("done", "", ())
    history = histories.load(Path(found.folder), trial.id)
    reads, typos, pages, rows = (history.loads[name] for name in ("reads", "typos", "pages", "rows"))
    assert (reads.loop, len(reads.done_ns), bool(reads.answered.all())) == ("open", 100, True)
    assert len(typos.done_ns) == 6
    assert {typos.errors[code] for code in typos.error} == {"redis ERR"}
    assert list(pages.intended_ns - pages.start_ns) == [2_000_000 * place for place in range(40)]
    assert set(pages.status) == {200}
    assert (rows.loop, len(rows.done_ns), history.readings["rows"]) == ("closed", 12, 12)


@pytest.mark.parametrize("url", ["http://example.org/", "redis://192.0.2.1", "postgresql://db.example/shop"])
def test_a_trial_loads_nobody_else(url: str) -> None:
    with pytest.raises(UsageError, match="is not this machine"):
        plan_here(url, Asked(body="x"))
    assert plan_here(url, Asked(body="x"), linked=True).target.url == url


def test_who_listens_is_an_audience(tmp_path: Path) -> None:
    experiment = lab.write(
        tmp_path / "lab",
        """
async def trial(t: Trial) -> None:
    await t.load("events", "sse+http://127.0.0.1:9/")
""",
    )
    options = RunOptions(store=tmp_path / "store", blocks=1, set={"variant": ("fast",), "load": ("high",)})
    found = run_experiment(experiment, options)
    assert found.trials[0].status == "failed"
    assert "this one listens" in found.trials[0].cause
