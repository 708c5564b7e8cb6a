from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest
import report_records
from msgspec.structs import replace

from hinterland.model.experiment import Source
from hinterland.model.run import LeftOut, RunRecord
from hinterland.model.verdict import Finding, TrialResult, WitnessEvent
from hinterland.report import html

VOID = {"meta", "br", "link", "img", "input", "hr", "path", "line", "rect", "circle"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "xlink:href"}


class Page(HTMLParser):
    """Reads a page and keeps what the tests ask for; raises on an end tag that does not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.figures: list[list[str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag == "figure":
            self.figures.append([])
        if "figure" in self.open:
            self.figures[-1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module", params=list(report_records.ALL))
def record(request: pytest.FixtureRequest) -> RunRecord:
    return report_records.ALL[request.param]()


@pytest.fixture(scope="module")
def page(record: RunRecord) -> Page:
    return Page(html.render(record, lesson="# The question\n\nWhy?"))


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_every_figure_has_a_caption_a_drawing_and_its_data(page: Page) -> None:
    for inside in page.figures:
        assert {"figcaption", "svg", "title", "desc", "table", "th"} <= set(inside)


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for tag, attributes in page.attributes:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "image", "use", "base"}
        assert not LOADING & attributes.keys()
        if "href" in attributes:
            assert tag == "a"
        assert not any(name.startswith("on") for name in attributes)


def test_the_style_sheet_loads_nothing(record: RunRecord) -> None:
    style = html.render(record).partition("<style>")[2].partition("</style>")[0]
    # The letters are in the page itself.
    assert re.sub(r"url\(data:font/woff2;base64,[A-Za-z0-9+/=]+\)", "", style).count("url(") == 0
    assert "@import" not in style


def test_ids_are_unique_and_labels_point_to_them(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.attributes if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.attributes:
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in ids


def test_tables_say_what_their_heads_are_heads_of(page: Page) -> None:
    assert all(
        attributes.get("scope") in {"col", "row"} for tag, attributes in page.attributes if tag == "th"
    )


def test_headings_go_down_one_level_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.attributes if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_question_stands_before_the_verdicts_and_they_before_the_charts() -> None:
    record = report_records.idempotency()
    text = Page(html.render(record)).text
    order = [
        record.info.experiment.question,
        "The verdicts",
        "What was measured",
        "Witnesses",
        "The prediction and the answer",
        "Assumptions",
        "What was left out",
        "Every trial",
        "The machine",
        "How the verdicts were reached",
        "To repeat it",
        "Sources",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_each_verdict_is_told_with_its_estimate_control_and_cause() -> None:
    text = Page(html.render(report_records.idempotency())).text
    assert "Holds" in text
    assert "1.63 % (1.22 % to 2.1 %)" in text
    assert "no key at all: 25 % (23 % to 27 %); the control turned the claim over, as it must." in text
    assert "after 8 blocks the ratio is only known to be 1.31 x to 1.62 x" in text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("interrupted", "This run was interrupted: Ctrl-C in block 1."),
        ("empty", "This run failed: PostgreSQL did not start."),
        ("running", "This run is still going on."),
    ],
)
def test_a_run_that_did_not_finish_says_so(name: str, says: str) -> None:
    assert says in Page(html.render(report_records.ALL[name]())).text


def test_broken_assumptions_and_lost_trials_are_shown_with_their_log() -> None:
    text = Page(html.render(report_records.broken())).text
    assert "Broke other processes use less than 0.5 core: broke in 14 of 36 trials." in text
    assert "OSError: [Errno 98] Address already in use" in text
    assert "sse ended with status 1 before it answered" in text


def test_it_says_how_to_repeat_the_run() -> None:
    record = report_records.c10k()
    text = Page(html.render(record)).text
    assert f"hinterland run execution/c10k --like {record.info.id}" in text
    assert f"hinterland recheck {record.info.id}" in text


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&{{ 7 * 7 }}'


def poisoned() -> RunRecord:
    """Returns a record with markup in every text that a stranger's system or manifest can put there."""
    record = report_records.idempotency()
    info, experiment = record.info, record.info.experiment
    experiment = replace(
        experiment,
        title=EVIL,
        question=EVIL,
        learned=EVIL,
        source=(
            Source(title=EVIL, url="javascript:alert(3)"),
            Source(title="x", url=f"https://x.test/{EVIL}"),
        ),
        chart=tuple(replace(chart, caption=EVIL) for chart in experiment.chart),
    )
    trials: list[TrialResult] = []
    for trial in record.trials:
        treatment = {**trial.treatment, "variant": f"{trial.treatment['variant']}{EVIL}"}
        trials.append(
            replace(
                trial,
                treatment=treatment,
                status="failed" if trial.block == 2 else "done",
                cause=EVIL,
                log=(EVIL,),
            )
        )
    story = Finding(kind=EVIL, key=EVIL, says=EVIL, witness=(WitnessEvent(t_ms=0, actor=EVIL, says=EVIL),))
    verdicts = tuple(
        replace(v, says=EVIL, cause=EVIL, control_says=EVIL, witnesses=(story,)) for v in record.verdicts
    )
    info = replace(
        info,
        experiment=experiment,
        machine={EVIL: {EVIL: [EVIL]}},
        cause=EVIL,
        status="failed",
        version=EVIL,
        left_out=(LeftOut(factor=EVIL, level=EVIL, why=EVIL),),
    )
    return replace(record, info=info, trials=tuple(trials), verdicts=verdicts)


def test_markup_in_values_is_shown_not_run() -> None:
    lesson = f"# {EVIL}\n\n{EVIL}\n\n![x](http://x.test/a.png) [y](javascript:alert(4))"
    text = html.render(poisoned(), lesson=lesson)
    page = Page(text)
    assert page.open == []
    assert not {"script", "img"} & {tag for tag, _ in page.attributes}
    assert not any(name.startswith("on") for _, attributes in page.attributes for name in attributes)
    hrefs = [attributes["href"] or "" for tag, attributes in page.attributes if tag == "a"]
    assert all(href.startswith(("https://", "http://", "#")) for href in hrefs)
    assert "{{ 7 * 7 }}" in page.text


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.test/b", True),
        ("http://a.test", True),
        ("javascript:alert(1)", False),
        ("//a.test", False),
        ("data:text/html,x", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_only_web_addresses_become_links(url: str, kept: bool) -> None:
    assert bool(html.web_address(url)) == kept
