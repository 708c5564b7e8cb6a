"""Charts of several runs: the same axes for all, and a gap where a run has nothing of a chart."""

from __future__ import annotations

import report_records
from msgspec.structs import replace

from hinterland.drawing.figure import Figure
from hinterland.model.run import RunRecord
from hinterland.report.charts import charts


def times(record: RunRecord, factor: float) -> RunRecord:
    """Returns the run with every metric that many times as large."""
    trials = tuple(
        replace(
            trial,
            outcome=replace(
                trial.outcome, metrics={name: value * factor for name, value in trial.outcome.metrics.items()}
            ),
        )
        for trial in record.trials
    )
    return replace(record, trials=trials)


def axis_of(figure: Figure | None) -> set[str]:
    """Returns the words of a drawing that are no figure of a mark: among them its ticks."""
    assert figure is not None
    text = figure.narrow.svg("narrow")
    return {piece.partition("<")[0] for piece in text.split(">")[1:]}


def test_two_runs_of_different_size_have_the_same_ticks() -> None:
    for make in (report_records.idempotency, report_records.c10k):
        one = make()
        pair = charts.side_by_side([one, times(one, 1000.0)])
        alone = charts.side_by_side([one, one])
        assert len(pair) == len(charts.figures(one)) or pair
        grown = [
            axis_of(row[0]) - axis_of(same[0])
            for row, same in zip(pair, alone, strict=True)
            if row[0] and same[0]
        ]
        assert any(grown), "the smaller run's axis has room for the larger one"
        for row in pair:
            assert all(figure is not None for figure in row)


def test_a_run_that_has_nothing_of_a_chart_leaves_a_gap() -> None:
    one = report_records.idempotency()
    other = replace(one, info=replace(one.info, experiment=replace(one.info.experiment, metric={})))
    for row in charts.side_by_side([one, other]):
        assert row[0] is not None
        assert row[1] is None


def test_drawings_of_one_page_have_ids_of_their_own() -> None:
    one = report_records.idempotency()
    found = [figure.narrow.svg("x") for row in charts.side_by_side([one, one]) for figure in row if figure]
    ids = [piece.partition('"')[0] for text in found for piece in text.split(' id="')[1:]]
    assert len(set(ids)) == len(ids)
