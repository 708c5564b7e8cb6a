from __future__ import annotations

import io
import subprocess
import sys

import pytest
import report_records
from msgspec.structs import replace
from rich.console import Console

from hinterland.model.run import RunRecord
from hinterland.report import terminal


def shown(record: RunRecord, *, width: int = 80, encoding: str = "utf-8") -> str:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    console.print(terminal.render(record, width=width))
    return buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 50, 80, 120])
@pytest.mark.parametrize("name", report_records.ALL)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in shown(report_records.ALL[name](), width=width).splitlines():
        assert len(line) <= width


@pytest.mark.parametrize("name", report_records.ALL)
def test_ascii_is_enough(name: str) -> None:
    assert "�" not in shown(report_records.ALL[name](), encoding="ascii")
    assert "Report" in shown(report_records.ALL[name](), encoding="ascii")


def test_verdicts_are_words_with_an_interval_beside_the_threshold() -> None:
    text = shown(report_records.read_write_ratio())
    assert "● HOLDS" in text
    row = next(line for line in text.splitlines() if line.endswith("5.51x (4.6x to 6.6x)"))
    control = next(line for line in text.splitlines() if line.endswith("0.39x (0.33x to 0.47x)"))
    threshold = row.index("┊")
    assert row.index("├") > threshold
    assert control.index("┤") < threshold == control.index("┊")


def test_the_witness_is_told_in_order() -> None:
    text = shown(report_records.idempotency())
    places = [
        text.index(part) for part in ("0 ms  customer", "1.1 ms  server", "1.9 ms  rig", "234 ms  customer")
    ]
    assert places == sorted(places)


def test_bars_are_as_long_as_their_values() -> None:
    lines = shown(report_records.idempotency()).splitlines()
    lengths = {line.split()[0]: line.count("█") for line in lines if "· sqlite" in line and "ms" not in line}
    assert lengths["no_key"] > 2 * lengths["check_then_insert"] > 0
    assert lengths["key_in_transaction"] == 0


def test_what_is_expected_is_marked_on_the_bar_and_stands_in_brackets() -> None:
    text = shown(report_records.expecting())
    rows = {" ".join(line.split()[:4]): line for line in text.splitlines()}
    near, far, odd = (rows[f"{name} · 1 ms"] for name in ("near", "far", "odd"))
    assert near.endswith("10 ms  (10 ms)")
    assert far.endswith("10 ms  (400 ms)")
    assert odd.endswith("10 ms")
    assert "│" not in odd
    assert far.index("│") > near.index("│") + 5
    assert rows["far · 4 ms"].index("│") > far.index("│") + 20
    assert "│ and in brackets: by the formula" in text
    plain = shown(report_records.expecting(), encoding="ascii")
    assert "| and in brackets: by the formula" in plain


def test_a_mark_that_stands_where_it_should_gets_a_ring() -> None:
    text = shown(report_records.expecting())
    chart = text[text.index("Logarithmic.") :].splitlines()
    assert "◉" in next(line for line in chart if line.strip().startswith("near"))
    assert "│" in next(line for line in chart if line.strip().startswith("far"))


def test_what_is_expected_has_a_sparkline_of_its_own() -> None:
    lines = shown(report_records.expecting()).splitlines()
    found = [line.split() for line in lines[lines.index("Lines.") :]]
    far = next(place for place, words in enumerate(found) if words[:1] == ["far"])
    assert found[far][2:] == ["10", "ms", "→", "40", "ms"]
    assert found[far + 1][0] == "expected"
    assert found[far + 1][2:] == ["400", "ms", "→", "1.6", "s"]
    assert found[far + 2][0] == "odd"
    assert found[far + 3][0] == "unknown"


@pytest.mark.parametrize(
    ("name", "says"), [("interrupted", "INTERRUPTED."), ("empty", "FAILED."), ("running", "RUNNING.")]
)
def test_a_run_that_did_not_finish_says_so(name: str, says: str) -> None:
    assert says in shown(report_records.ALL[name]())


def test_what_gave_no_evidence_is_said_with_its_log() -> None:
    text = shown(report_records.broken())
    assert "Assumption broken: other processes use less than 0.5 core" in text
    assert "OSError: [Errno 98] Address already in use" in text


def test_a_long_command_can_be_copied() -> None:
    text = shown(report_records.idempotency())
    start = text.index("hinterland run apis/idempotency \\\n    --like ")
    assert "\n" not in text[start:].split("--like ")[1].split("k3v9")[0]


def test_markup_of_the_terminal_library_is_shown_as_text() -> None:
    record = report_records.delivery()
    experiment = replace(record.info.experiment, title="[bold red]x[/]")
    assert "[bold red]x[/]" in shown(replace(record, info=replace(record.info, experiment=experiment)))


def test_nothing_heavy_is_imported_before_a_report_is_rendered() -> None:
    code = (
        "import sys, hinterland.report.html, hinterland.report.terminal; "
        "print({'jinja2', 'rich', 'markdown_it', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
