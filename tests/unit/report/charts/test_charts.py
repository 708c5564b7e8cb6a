from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator

import pytest
import report_records
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hinterland.drawing.figure import Figure
from hinterland.drawing.svg import Drawing, clip, text_width, wrap
from hinterland.model.experiment import Chart, Level
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Finding, Outcome, WitnessEvent
from hinterland.report import verdicts, witness
from hinterland.report.charts import charts


def figures(record: RunRecord) -> list[Figure]:
    found: list[Figure | None] = [*charts.figures(record)]
    for number, verdict in enumerate(record.verdicts):
        found.append(verdicts.figure(verdict, f"v{number}"))
        found += [witness.figure(finding, f"w{number}") for finding in verdict.witnesses]
    return [figure for figure in found if figure is not None]


def drawings(record: RunRecord) -> Iterator[Drawing]:
    for figure in figures(record):
        yield from (figure.wide, figure.narrow)


def assert_text_is_whole(drawing: Drawing) -> None:
    """No text overlaps another and none reaches beyond the drawing."""
    for box in drawing.texts:
        assert box.left >= -0.5, box
        assert box.right <= drawing.width + 0.5, box
        assert box.top >= -1, box
        assert box.bottom <= drawing.height + 0.5, box
    for one, other in itertools.combinations(drawing.texts, 2):
        assert not one.overlaps(other), (one, other)


@pytest.mark.parametrize("name", report_records.ALL)
def test_text_never_overlaps_and_is_never_cut(name: str) -> None:
    for drawing in drawings(report_records.ALL[name]()):
        assert_text_is_whole(drawing)


def changed(base: RunRecord, levels: list[Level], numeric: bool, dice: random.Random) -> RunRecord:
    """Returns a run over these levels whose values include zero, infinity, NaN and a missing one."""
    values = [0.0, math.inf, math.nan, 1e-7, 1.0, 3.3, 5e4, 7e11]
    by = {"read_ratio": levels} if numeric else {"engine": levels}
    others = {"engine": ["a" * 40, "b <i>&", "c", "d"]} if numeric else {"read_ratio": [0.0, 1.0]}

    def measure(treatment: dict[str, Level], _: random.Random) -> Outcome:
        return Outcome(metrics={"throughput": dice.choice(values)} if dice.random() < 0.9 else {})

    experiment = replace(base.info.experiment, chart=())
    record = report_records.record(experiment, report_records.grid(**by, **others), 2, measure)
    # Expected are the values that half of the marks have: as wild as what is measured.
    where: dict[str, Level] = {name: found[0] for name, found in others.items()}
    made = charts.sensible(record)
    beside = [replace(chart, expected=chart.metric, expected_where=where) for chart in made]
    return replace(record, info=replace(record.info, experiment=replace(experiment, chart=(*made, *beside))))


@given(
    st.lists(st.text("abcW_ -<&", min_size=1, max_size=70), min_size=1, max_size=9, unique=True),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_level_names_and_values_can_be_drawn_by_category(names: list[str], dice: random.Random) -> None:
    record = changed(report_records.read_write_ratio(), list(names), False, dice)
    for drawing in drawings(record):
        assert_text_is_whole(drawing)


@given(
    st.lists(st.floats(0, 1e6).map(lambda x: round(x, 3)), min_size=3, max_size=9, unique=True),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_levels_and_values_can_be_drawn_along_a_number(levels: list[float], dice: random.Random) -> None:
    record = changed(report_records.read_write_ratio(), list(levels), True, dice)
    for drawing in drawings(record):
        assert_text_is_whole(drawing)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e5),
            st.sampled_from(["client", "a server with a long name", "rig", "W" * 30]),
            st.text(max_size=120),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None)
def test_any_witness_can_be_drawn(events: list[tuple[float, str, str]]) -> None:
    told = tuple(WitnessEvent(t_ms=t, actor=actor, says=says) for t, actor, says in events)
    figure = witness.figure(Finding(kind="lost_write", key="k", says="lost", witness=told), "w")
    assert figure is not None
    assert len(figure.rows) == len(events)
    for drawing in (figure.wide, figure.narrow):
        assert_text_is_whole(drawing)


def test_a_numeric_factor_becomes_lines_and_a_categorical_one_dots() -> None:
    lines = charts.figures(report_records.read_write_ratio())[0].wide.svg()
    assert 'class="line s1"' in lines
    assert 'class="range' in charts.figures(report_records.idempotency())[0].wide.svg()


def test_series_differ_by_more_than_colour() -> None:
    figure = charts.figures(report_records.read_write_ratio())[0].wide.svg()
    dashes = [part.split('class="line')[0] for part in figure.split("<path")[1:] if 'class="line s' in part]
    assert len({path.partition("stroke-dasharray")[2] for path in dashes}) == 3


def test_a_chart_without_a_manifest_is_made_for_each_metric() -> None:
    record = report_records.c10k()
    made = charts.sensible(record)
    assert [(chart.metric, chart.by, chart.series) for chart in made] == [
        ("memory_bytes", "connections", "model"),
        ("p99_ms", "connections", "model"),
    ]


def test_the_table_holds_what_the_drawing_shows() -> None:
    figure = charts.figures(report_records.read_write_ratio())[0]
    assert figure.columns == ("Share of reads", "Engine", "Median", "Lowest", "Highest", "Trials")
    assert len(figure.rows) == 18
    assert figure.rows[0][:2] == ("0 %", "sqlite")


def test_what_is_expected_stands_beside_what_was_measured() -> None:
    rows, logarithmic, lines, restricted = charts.figures(report_records.expecting())
    assert rows.columns == ("Variant", "Distance", "Median", "Expected", "Lowest", "Highest", "Trials")
    cells = {row[:2]: row[2:4] for row in rows.rows}
    assert cells["near", "1 ms"] == ("10 ms", "10 ms")
    assert cells["far", "4 ms"] == ("40 ms", "1.6 s")
    assert cells["odd", "1 ms"] == ("10 ms", "–")
    assert cells["unknown", "1 ms"] == ("–", "–")
    assert [row[2] for row in restricted.rows] == ["10 ms", "20 ms", "40 ms"]
    for figure in (rows, logarithmic):
        assert "The upright tick on a row is what should come out: by the formula." in figure.notes
    assert "The hollow ring is what should come out: by the formula." in lines.notes
    assert "far, 4 ms: 40 ms (expected 1.6 s)" in rows.wide.says


def test_an_expected_value_is_drawn_for_each_group_that_has_one_and_for_no_other() -> None:
    rows, logarithmic, lines, restricted = charts.figures(report_records.expecting())
    # One tick more is the legend's, over the column of values.
    assert [figure.wide.svg().count('class="expected"') for figure in (rows, logarithmic)] == [7, 3]
    assert [box.text for box in rows.narrow.texts].count("expected") == 1
    assert [lines.wide.svg().count(f'class="expected s{index}"') for index in range(4)] == [3, 3, 0, 0]
    assert restricted.wide.svg().count('class="expected s0"') == 3
    for figure in charts.figures(report_records.delivery()):
        assert "xpected" not in figure.wide.svg()
        assert "Expected" not in figure.columns


def test_an_expected_value_lies_where_the_measured_one_would() -> None:
    rows = charts.figures(report_records.expecting())[0].wide.svg()
    ticks = [float(x) for x in re.findall(r'<line x1="([\d.]+)"[^>]*class="expected"/>', rows)][1:]
    circle = re.search(r'<circle cx="([\d.]+)"[^>]*class="mark s0"/>', rows)
    assert circle is not None
    assert ticks[0] == float(circle[1]), "near, 1 ms: measured as expected"
    far_ms, near_ms = 1600 - 800, 20 - 10
    assert ticks[5] - ticks[4] == pytest.approx(far_ms / near_ms * (ticks[1] - ticks[0]), rel=0.1)


def test_what_several_lines_expect_is_drawn_once() -> None:
    record = report_records.expecting()
    trials = tuple(
        replace(trial, outcome=Outcome(metrics=trial.outcome.metrics | {"formula_ms": 7.0}))
        for trial in record.trials
    )
    svg = charts.figures(replace(record, trials=trials))[2].wide.svg()
    assert svg.count('class="expected"') == 3
    assert 'class="expected s' not in svg


def test_a_void_trial_expects_nothing() -> None:
    record = report_records.expecting()
    void = tuple(replace(trial, status="void") for trial in record.trials)
    svg = charts.figures(replace(record, trials=void))[0].wide.svg()
    assert "expected" not in svg


def test_only_valid_trials_count() -> None:
    record = report_records.delivery()
    outcome = Outcome(metrics={"delay_ms": 1e9})
    void = replace(record.trials[0], status="void", outcome=outcome)
    with_void = replace(record, trials=(*record.trials, void))
    assert [figure.rows for figure in charts.figures(with_void)] == [
        figure.rows for figure in charts.figures(record)
    ]
    assert "1 trial gave no value." in charts.figures(with_void)[0].notes


def test_what_a_mark_lumps_together_is_said() -> None:
    first, second = charts.figures(report_records.idempotency())[:2]
    assert "Every level of crash is counted in." in first.notes
    assert "Only trials with crash none." in second.notes


def test_a_line_breaks_at_a_level_without_a_value() -> None:
    record = report_records.read_write_ratio()
    kept = tuple(trial for trial in record.trials if trial.treatment["read_ratio"] != 0.5)
    svg = charts.figures(replace(record, trials=kept))[0].wide.svg()
    assert svg.count('class="line s0"') == 2


def test_a_crossover_is_drawn_once_where_it_was_estimated() -> None:
    drawn = [figure.wide.svg() for figure in charts.figures(report_records.read_write_ratio())]
    assert ["crossover at 82 %" in svg for svg in drawn] == [True, False]


def test_a_chart_of_an_unknown_metric_is_left_out() -> None:
    record = report_records.delivery()
    chart = Chart(metric="gone", by="way", caption="No.")
    assert (
        charts.figures(
            replace(
                record, info=replace(record.info, experiment=replace(record.info.experiment, chart=(chart,)))
            )
        )
        == []
    )


@given(st.text(max_size=80), st.floats(20, 400))
def test_wrapped_and_clipped_text_fits(text: str, room: float) -> None:
    for line in wrap(text, room, 13):
        assert text_width(line, 13) <= max(room, 13.1)
    assert text_width(clip(text, room, 13), 13) <= room or clip(text, room, 13) == "…"
    assert "".join("".join(wrap(text, room, 13)).split()) == "".join(text.split())
