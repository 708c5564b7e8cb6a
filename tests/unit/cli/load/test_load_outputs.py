"""What is shown and written of a load: pages, summary, live view, documents, HdrHistogram logs."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from load_results import capacity, counts, plan, record, result
from msgspec.structs import replace

from hinterland.cli.load.as_json import document
from hinterland.cli.load.ending import exit_status
from hinterland.cli.load.live import Lines, View, progress
from hinterland.cli.load.option_groups import OutputOptions
from hinterland.cli.load.outputs import check_writable
from hinterland.errors import SetupError, UsageError
from hinterland.load.judging.compare import compare
from hinterland.load.plan.plan import Arrivals, LoadPlan
from hinterland.load.report import capacity as load_capacity
from hinterland.load.report import hdr as load_hdr
from hinterland.load.report import heat as load_heat
from hinterland.load.report import page as load_page
from hinterland.load.report import spectrum as load_spectrum
from hinterland.load.report import summary as load_summary
from hinterland.load.report import timeline as load_timeline
from hinterland.load.report.percentiles import name_of, shown, spectrum
from hinterland.load.result.record import Asserted, LoadRecord
from hinterland.load.result.result import LoadResult, Second
from hinterland.statistics.histogram import Histogram

STALLED = result(stall=(4, 1.0))
BROKEN = result(rate=500, seconds=20, errors={3: {"timeout": 200, "status 503": 20}})


def text_of(found: LoadRecord, width: int = 80) -> str:
    return "\n".join(text for text, _ in load_summary.lines(found, width=width))


def compared() -> LoadRecord:
    return record(
        STALLED, comparison=compare(STALLED, BROKEN, names=("this", "that")), beside=BROKEN.response
    )


def searched() -> LoadRecord:
    return record(None, result=None, capacity=capacity())


ALL = {
    "stalled": record(STALLED, asserted=(Asserted("p99 < 50ms", "failed", "p99 was 901 ms"),)),
    "broken": record(BROKEN),
    "closed": record(result(asked=plan(model="closed"))),
    "limited": record(result(faults=("p99 lateness 3 ms: it did not keep its schedule",))),
    "short": record(result(seconds=1, rate=5)),
    "partial": record(replace(STALLED, partial="interrupted"), status="interrupted"),
    "compared": compared(),
    "searched": searched(),
    "warmed": record(result(asked=plan(warm_up_s=3.0))),
}


@pytest.mark.parametrize("name", ALL)
def test_every_page_loads_nothing_and_says_the_model(name: str) -> None:
    page = load_page.render(ALL[name])
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|@import|url\(", page)
    assert ("Closed loop" if name == "closed" else "Open loop") in page
    assert "NaN" not in page
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan", "", page)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [80, 100])
def test_every_summary_fits_its_width_and_says_the_model(name: str, width: int) -> None:
    text = text_of(ALL[name], width)
    assert max(map(len, text.splitlines())) <= width
    assert ("Closed loop" if name == "closed" else "Open loop") in text


def test_the_summary_shows_the_stall_in_the_response_and_not_in_the_service_time() -> None:
    rows = {
        line.split()[0]: line.split()
        for line in text_of(ALL["stalled"]).splitlines()
        if line.startswith("  p")
    }
    assert rows["p99"][1:5] == ["901", "ms", "1.27", "ms"]
    assert "p99.99" not in rows, "only two operations lie beyond it"
    assert "✗ p99 < 50ms  failed: p99 was 901 ms" in text_of(ALL["stalled"])


def test_percentiles_among_the_unanswered_have_no_time() -> None:
    text = text_of(ALL["broken"])
    assert re.search(r"p99 +no answer +no answer", text)
    assert "200 timeout, 20 status 503 (2.2 % of operations)" in text
    assert "no good answer came" in load_page.render(ALL["broken"])


def test_a_limited_generator_is_said_first_and_with_what_helps() -> None:
    assert "These figures are not the server's" in load_page.render(ALL["limited"])
    text = text_of(ALL["limited"])
    assert "The generator was the limit" in text
    assert "--processes 2" in text


def test_an_early_end_is_marked() -> None:
    assert "Cut short: interrupted" in text_of(ALL["partial"])
    assert "Cut short." in load_page.render(ALL["partial"])


def test_a_closed_loop_says_what_it_leaves_out() -> None:
    assert "its percentiles leave out" in text_of(ALL["closed"])
    assert "asked" not in text_of(ALL["closed"])


def test_a_percentile_needs_ten_operations_beyond_it() -> None:
    assert [one.name for one in shown(counts(np.full(1000, 0.001)))] == ["p50", "p75", "p90", "p95", "p99"]
    assert shown(counts(np.full(19, 0.001))) == []
    assert name_of(0.9999) == "p99.99"


def test_a_spectrum_ends_where_ten_operations_lie_beyond_it() -> None:
    found = spectrum(STALLED.response)
    assert found[0].share == 0.0
    assert found[-1].share == pytest.approx(1 - 10 / 20_000)
    assert [one.time_s for one in found] == sorted(one.time_s for one in found)
    assert spectrum(counts([0.1] * 5)) == []


def test_the_drawn_spectrum_has_response_and_service_and_the_slowest() -> None:
    drawn = load_spectrum.figure(STALLED)
    assert drawn is not None
    assert drawn.columns == ("Percentile", "Response time", "Service time")
    assert drawn.rows[-1][0] == "slowest"
    assert load_spectrum.figure(replace(STALLED, response=counts([], 50), service=counts([], 50))) is None


def test_the_heat_map_counts_every_operation_once() -> None:
    found = load_heat.heat(BROKEN.seconds, 120)
    assert found is not None
    assert np.allclose(found.shares.sum(axis=1) + found.missing, 1.0)
    assert found.missing[3] == pytest.approx(220 / 500)
    joined = load_heat.heat(BROKEN.seconds, 7)
    assert joined is not None
    assert joined.seconds == 3
    assert len(joined.missing) == 7
    assert np.allclose(joined.shares.sum(axis=1) + joined.missing, 1.0)


def test_the_stall_stands_in_its_column_of_the_heat_map() -> None:
    found = load_heat.heat(STALLED.seconds, 120)
    assert found is not None
    slow = round((math.log10(0.5)) * load_heat.BANDS_A_DECADE) - found.low
    assert found.shares[4, slow:].sum() > 0.4
    assert found.shares[3, slow:].sum() == 0


def test_the_capacity_curve_has_its_interval_and_its_knee() -> None:
    drawn = load_capacity.figure(capacity())
    assert drawn is not None
    svg = drawn.wide.svg()
    assert "capacity 908/s" in svg
    assert "knee 500/s" in svg
    assert any("not counted" in cell for row in drawn.rows for cell in row)
    assert "void" in text_of(searched())


def test_texts_of_the_drawings_do_not_overlap() -> None:
    for one in (STALLED, BROKEN):
        for drawn in load_page.figures(one):
            for drawing in (drawn.wide, drawn.narrow):
                boxes = drawing.texts
                assert not [(a.text, b.text) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
                assert all(box.left >= -1 and box.right <= drawing.width + 1 for box in boxes), drawing.key


def test_the_document_is_json_and_its_histogram_gives_the_percentiles() -> None:
    found = json.loads(msgspec.json.encode(document(ALL["broken"], 0)))
    response = found["figures"]["response"]
    assert response["percentiles_s"]["p99"] is None
    assert response["missing"] == 220
    assert sum(count for _, count in response["histogram"]) == response["answered"]
    histogram = Histogram.from_counts(BROKEN.response)
    assert response["percentiles_s"]["p50"] == histogram.percentile(0.5)
    assert found["figures"]["model"] == "open"
    assert json.loads(msgspec.json.encode(document(searched(), 0)))["capacity"]["capacity_per_s"] == 908


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (record(), 0),
        (record(asserted=(Asserted("a", "passed", ""),)), 0),
        (record(asserted=(Asserted("a", "passed", ""), Asserted("b", "failed", ""))), 1),
        (record(asserted=(Asserted("a", "undecided", ""),)), 2),
        (ALL["limited"], 2),
        (replace(ALL["limited"], asserted=(Asserted("errors = 0", "passed", ""),)), 0),
        (replace(ALL["limited"], asserted=(Asserted("errors = 0", "failed", ""),)), 1),
        (
            replace(
                ALL["limited"],
                asserted=(Asserted("errors = 0", "passed", ""), Asserted("p99", "undecided", "")),
            ),
            2,
        ),
        (record(replace(STALLED, answered=0), asserted=(Asserted("errors = 0", "failed", ""),)), 1),
        (record(replace(STALLED, answered=0)), 2),
        (ALL["partial"], 130),
        (searched(), 0),
        (record(None, result=None, capacity=capacity(ended="never_held")), 1),
        (record(None, result=None, capacity=capacity(ended="generator")), 2),
    ],
)
def test_exit_status(found: LoadRecord, status: int) -> None:
    assert exit_status(found) == status


def test_other_tools_read_the_histogram_log(tmp_path: Path) -> None:
    file = tmp_path / "load.hlog"
    file.write_text(load_hdr.log(record(STALLED)))
    whole = HdrHistogram(1, load_hdr.HIGHEST_NS, 3)
    service = HdrHistogram(1, load_hdr.HIGHEST_NS, 3)
    reader = HistogramLogReader(str(file), HdrHistogram(1, load_hdr.HIGHEST_NS, 3))
    lines = 0
    while (found := reader.get_next_interval_histogram()) is not None:
        lines += 1
        (service if found.get_tag() == "service" else whole).add(found)
    assert lines == 11
    for theirs, ours in ((whole, STALLED.response), (service, STALLED.service)):
        mine = Histogram.from_counts(ours)
        assert theirs.get_total_count() == 20_000
        for share in (0.1, 0.5, 0.9, 0.99, 0.999):
            assert theirs.get_value_at_percentile(100 * share) / 1e9 == pytest.approx(
                mine.percentile(share), rel=0.002
            )


def test_in_the_histogram_log_an_unanswered_operation_is_above_all_others() -> None:
    encoded = load_hdr.encoded(counts([0.001, 0.002, 7000.0], missing=2))
    theirs = HdrHistogram.decode(encoded)
    assert theirs.get_total_count() == 5
    assert theirs.get_value_at_percentile(40) == pytest.approx(2e6, rel=0.002)
    assert theirs.get_value_at_percentile(100) == pytest.approx(load_hdr.HIGHEST_NS, rel=0.002)


@pytest.mark.parametrize("power", range(0, 42, 3))
def test_every_value_has_the_place_that_hdrhistogram_gives_it(power: int) -> None:
    for value in (2**power - 1, 2**power, 2**power + 1, 3 * 2**power // 2):
        if 0 < value <= load_hdr.HIGHEST_NS:
            oracle = HdrHistogram(1, load_hdr.HIGHEST_NS, 3)
            oracle.record_value(value)
            place = int(load_hdr._places(np.array([value]))[0])
            assert oracle.get_count_at_index(place) == 1, value


def test_the_live_view_fits_80_columns_and_sharpens() -> None:
    from rich.console import Console

    view = View(plan())
    console = Console(width=80, height=24, color_system=None)
    with console.capture() as early:
        console.print(view)
    assert "starting" in early.get()
    view.take(result(seconds=1, rate=200))
    with console.capture() as some:
        console.print(view)
    assert "p99 –" in some.get()
    view.take(BROKEN)
    with console.capture() as more:
        console.print(view)
    text = more.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "errors       200 timeout, 20 status 503" in text
    assert "late p50" in text
    assert "Open loop: 2,000/s" in text


def test_where_there_is_no_terminal_a_line_a_second_then_one_every_ten() -> None:
    lines = Lines(plan())
    told = [line for tick in range(120) for line in lines.take(STALLED, tick / 4)]
    assert len(told) == 1 + 10 + 1
    assert told[0] == "http://127.0.0.1:8080/  open loop: 2,000/s, evenly spaced"
    assert told[1] == "   1 s  2,000/s of 2,000/s  p50 429 µs  p99 901 ms  p99.9 990 ms  errors 0"


@pytest.mark.parametrize(
    ("asked", "passed_s", "share", "says"),
    [
        (plan(), 5.0, 0.5, "5 of 10 s"),
        (plan(warm_up_s=10.0), 5.0, 0.25, "warming up, 5 of 10 s"),
        (plan(), 11.0, 1.0, "waiting for the last answers"),
        (plan(count=40_000), 3.0, 0.5, "20,000 of 40,000"),
        (plan(arrivals=Arrivals(shape="trace", times_s=(1.0,))), 3.0, 0.0, "3 s"),
    ],
)
def test_progress(asked: LoadPlan, passed_s: float, share: float, says: str) -> None:
    assert progress(asked, STALLED, passed_s) == (share, says)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"hdr": "missing/x.hlog"}, SetupError, "hdr=.*is not a folder"),
        ({"operations": "."}, SetupError, "it is a folder"),
        ({"report": "a", "hdr": "a"}, UsageError, "both write"),
    ],
)
def test_outputs_that_can_not_be_written_are_refused(
    tmp_path: Path, options: dict[str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        check_writable(OutputOptions(**{name: tmp_path / file for name, file in options.items()}))  # type: ignore[arg-type]


def test_a_notebook_cell_shows_the_spectrum(tmp_path: Path) -> None:
    from hinterland.load.runs import LoadRun

    found = LoadRun(record(STALLED, folder=str(tmp_path)))
    cell = found._repr_html_()
    assert cell.count("<svg") == 1
    assert "Open loop" in cell
    assert found.percentile(0.99) == pytest.approx(0.9, rel=0.01)
    assert found.holds("p99 < 1s").verdict == "passed"
    with pytest.raises(UsageError, match="kept no operations"):
        found.to_table()


def test_what_did_not_hold_is_raised_with_what_was_measured(tmp_path: Path) -> None:
    from hinterland.errors import SystemFailure
    from hinterland.load.runs import LoadRun

    found = LoadRun(record(STALLED, folder=str(tmp_path)))
    assert found.check("p50 < 1ms", "errors = 0") is found
    with pytest.raises(SystemFailure, match=r"p99 < 50ms: failed, p99 was 90\d"):
        found.check("errors = 0", "p99 < 50ms")


def test_without_pandas_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hinterland.load.runs import LoadRun

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SetupError, match="pip install pandas"):
        LoadRun(record(STALLED, folder=str(tmp_path))).to_frame()


def test_an_empty_load_has_a_page_and_a_summary() -> None:
    empty: LoadResult = replace(
        STALLED,
        operations=0,
        answered=0,
        response=counts([]),
        service=counts([]),
        kinds=(),
        seconds=(),
        statuses={},
        connect=None,
    )
    assert "no operation was due" in text_of(record(empty))
    assert "Too few operations for a picture" in load_page.render(record(empty))


@pytest.mark.parametrize("seconds", [1, 2])
def test_the_second_in_which_only_late_answers_came_is_not_drawn(seconds: int) -> None:
    found = result(seconds=seconds)
    late = Second(seconds, 0, 0, 7, {}, counts([]))
    found = replace(found, seconds=(*found.seconds, late))
    drawn = (load_heat.figure(found), load_timeline.figure(found))
    if seconds == 1:
        assert drawn == (None, None)
        return
    heat, timeline = drawn
    assert heat is not None
    assert timeline is not None
    assert len(heat.rows) == 2
    assert "2.5 s" not in timeline.wide.svg()
