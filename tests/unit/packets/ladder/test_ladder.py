"""The packet view: every packet is drawn and listed, labels never overlap, and what went wrong stands out."""

from __future__ import annotations

import itertools
import re

import captures
import numpy as np
import pytest
from captures import ACK, SERVER, SYN, tcp
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hinterland.drawing.figure import Figure
from hinterland.drawing.svg import Drawing
from hinterland.model.packets import FATES, PacketLog
from hinterland.packets.dissection import dissect
from hinterland.packets.ladder import bundles as ladder_bundles
from hinterland.packets.ladder import ladder
from hinterland.packets.ladder import layout as ladder_stage
from hinterland.packets.ladder import time as ladder_time
from hinterland.packets.ladder import words as ladder_words


def drawn(log: PacketLog, **how: float) -> Figure:
    figure = ladder.figure(log, key="ladder", caption="What crossed the link.", **how)
    assert figure is not None
    return figure


def assert_text_is_whole(drawing: Drawing) -> None:
    """No text overlaps another and none reaches beyond the drawing."""
    for box in drawing.texts:
        assert box.left >= -0.5, box
        assert box.right <= drawing.width + 0.5, box
        assert box.top >= -1, box
        assert box.bottom <= drawing.height + 0.5, box
    texts = sorted(drawing.texts, key=lambda box: box.top)
    for place, one in enumerate(texts):
        for other in itertools.takewhile(lambda box, end=one.bottom: box.top < end, texts[place + 1 :]):
            assert not one.overlaps(other), (one, other)


def arrows(svg: str) -> int:
    """Counts the lines of packets, without those of the legend."""
    paths = re.findall(r'<path d="([^"]*)"[^>]*class="packet s\d[^"]*"', svg)
    return sum(path.count("M") for path in paths)


def samples(svg: str) -> int:
    """Counts the arrows of the legend, which are level."""
    paths = re.findall(r'<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"[^>]*class="packet s', svg)
    return sum(float(path[1]) == float(path[3]) and float(path[2]) - float(path[0]) == 21 for path in paths)


@pytest.mark.parametrize("name", captures.NAMES)
def test_every_packet_of_a_real_exchange_is_drawn_and_no_text_overlaps(name: str) -> None:
    log = captures.load(name)
    figure = drawn(log)
    assert len(figure.rows) == len(log)
    for drawing in (figure.wide, figure.narrow):
        assert_text_is_whole(drawing)
        svg = drawing.svg()
        assert arrows(svg) - samples(svg) == len(log)
        assert drawing.height < 2000
    assert all(len(row) == len(figure.columns) for row in figure.rows)


@pytest.mark.parametrize("name", ["drop", "tls13", "quic_zero", "dns"])
def test_few_packets_each_have_a_label(name: str) -> None:
    log = captures.load(name)
    texts = [box.text for box in drawn(log).wide.texts]
    for packet in dissect(log):
        assert any(text.startswith(ladder_words.name(packet)) for text in texts), ladder_words.name(packet)


def test_many_packets_share_labels_and_what_stands_out_keeps_its_own() -> None:
    log = captures.load("bulk")
    figure = drawn(log)
    labels = [box.text for box in figure.wide.texts]
    assert len(labels) < len(log) / 3
    assert sum(bool(re.search(r"\d+ × data", label)) for label in labels) >= 8
    again = [label for label in labels if re.fullmatch(r"data \d+ 1448 B sent again", label)]
    assert len(again) == sum(packet.again for packet in dissect(log)) == 4
    assert sum(int(n) for label in labels for n in re.findall(r"(\d+) lost", label)) == 6


def test_a_drop_is_crossed_and_said_in_words() -> None:
    figure = drawn(captures.load("drop"))
    svg = figure.wide.svg()
    # One in the legend and one where it died, each of two strokes.
    assert len(re.findall(r'class="drop"', svg)) == 2
    assert any("scripted drop" in box.text for box in figure.wide.texts)
    assert [row[-1] for row in figure.rows].count("scripted drop") == 1
    assert "1 scripted drop" in figure.wide.says


def test_a_retransmission_differs_by_more_than_colour() -> None:
    svg = drawn(captures.load("drop")).wide.svg()
    # One in the legend and one in the ladder.
    assert len(re.findall(r'class="packet s1 again"', svg)) == 2
    assert re.search(r'class="packet-again s1"', svg)
    clean = drawn(captures.load("tls13")).wide.svg()
    assert "packet-again" not in clean
    assert 'class="drop"' not in clean


def test_one_in_vain_has_a_hollow_mark() -> None:
    packets = [tcp(SYN, 1), tcp(SYN, 1), tcp(SYN | ACK, 9, 2, source=SERVER)]
    figure = drawn(captures.log(packets))
    assert 'class="packet-again s1 hollow"' in figure.wide.svg()
    assert figure.rows[1][-1] == "sent again in vain"


def test_kinds_differ_in_dashes_too() -> None:
    svg = drawn(captures.load("http6")).wide.svg()
    dashes = dict(re.findall(r'stroke-dasharray="([^"]+)" class="packet (s\d)', svg))
    assert len(dashes) == len(set(dashes.values())) == 2


def test_connections_have_lanes_of_their_own() -> None:
    figure = drawn(captures.load("six"))
    assert figure.columns[1] == "Connection"
    numbers = [box.text for box in figure.wide.texts if re.fullmatch(r"[1-6]", box.text)]
    assert sorted(numbers) == sorted("123456" * 2)
    assert any(re.match(r"1: \d+ × data.*scripted drop", box.text) for box in figure.wide.texts)


def test_arrows_of_several_connections_lie_side_by_side() -> None:
    svg = drawn(captures.load("six")).wide.svg()
    paths = re.findall(r'<path d="([^"]*)" class="packet s0 thin"', svg)
    ways = [
        [float(n) for n in re.split("[ML ]", line)[1:]]
        for path in paths
        for line in re.findall(r"M[^M]*", path)
    ]
    assert len(ways) == 18
    assert len({round(abs(x2 - x1)) for x1, _, x2, _ in ways}) == 1
    assert len({round(x1) for x1, *_ in ways}) == 12
    stage = ladder_stage.stage(dissect(captures.load("six")), ("client", "server"), 840)
    assert min(x1 for x1, *_ in ways) == pytest.approx(stage.left_edge, abs=0.1)
    assert max(x1 for x1, *_ in ways) == pytest.approx(stage.right_edge, abs=0.1)


def test_time_is_drawn_long_enough_for_the_labels() -> None:
    packets = dissect(captures.log([tcp(ACK, 1 + n, 1, b"x") for n in range(50)], gap_ms=0))
    stage = ladder_stage.stage(packets, ("client", "server"), 840)
    axis, bundles = ladder_stage.fit(packets, [25e6] * 50, 50e6, stage, 40.0)
    assert len(bundles) == 50
    assert axis.bottom - axis.top >= 50 * stage.pitch


def test_the_scale_counts_round_trips() -> None:
    texts = [box.text for box in drawn(captures.load("tls12"), rtt_ms=50).wide.texts]
    assert [text for text in texts if text.endswith("RTT")] == [f"{count} RTT" for count in range(1, 6)]
    assert "250 ms" in texts
    assert not any("RTT" in box.text for box in drawn(captures.load("tls12"), rtt_ms=0).wide.texts)


def test_a_silence_is_cut_and_says_how_long_it_was() -> None:
    packets = [tcp(SYN, 1), tcp(SYN, 1), tcp(SYN | ACK, 9, 2, source=SERVER), tcp(ACK, 2, 10)]
    log = captures.log(packets, fates=["lost", "delivered", "delivered", "delivered"], gap_ms=25)
    late = np.array([0, 1_000_000_000, 1_025_000_000, 1_050_000_000])
    log = replace(log, sent_ns=late, done_ns=np.where(log.fate == 0, late + 25_000_000, -1))
    figure = drawn(log, rtt_ms=50)
    assert any(box.text.endswith("of silence") for box in figure.wide.texts)
    assert figure.wide.height < 600
    assert_text_is_whole(figure.wide)


@pytest.mark.parametrize("fate", FATES)
def test_a_single_packet_makes_a_ladder_whatever_became_of_it(fate: str) -> None:
    figure = drawn(replace(captures.log([tcp(SYN, 1)], fates=[fate]), done_ns=np.array([-1])))
    for drawing in (figure.wide, figure.narrow):
        assert_text_is_whole(drawing)
        assert arrows(drawing.svg()) - samples(drawing.svg()) == 1


def test_a_stretch_can_be_chosen_and_what_came_before_is_still_known() -> None:
    log = captures.load("drop")
    figure = drawn(log, start_ms=110, end_ms=140)
    assert 0 < len(figure.rows) < len(log)
    assert any(row[-1] == "sent again" for row in figure.rows)
    assert ladder.figure(log, key="k", caption="c", start_ms=10_000) is None


def test_an_empty_log_has_no_ladder() -> None:
    assert ladder.figure(captures.log([]), key="k", caption="c") is None


def test_what_is_not_drawn_is_counted() -> None:
    many = [tcp(ACK, 1, 1, b"x", source=number % 2) for number in range(ladder.MOST + 50)]
    figure = drawn(replace(captures.log(many, gap_ms=0.01), left_out=7))
    assert len(figure.rows) == ladder.MOST
    assert figure.notes[-1] == "57 later packets are not shown."


def test_names_are_escaped() -> None:
    log = replace(captures.load("drop"), hosts=("a<b>&", '"server"'))
    svg = drawn(log).wide.svg()
    assert "a<b>" not in svg
    assert "a&lt;b&gt;&amp;" in svg


# Any log at all.


@st.composite
def logs(draw: st.DrawFn) -> PacketLog:
    """Logs of up to four hosts with bursts, silences, drops, long delays and packets still on their way."""
    count = draw(st.integers(1, 140))
    hosts = draw(st.integers(2, 4))
    names = tuple(
        draw(st.sampled_from(["client", "a server with a long name", "b", "W" * 30])) + str(n)
        for n in range(hosts)
    )
    dice = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    gap_ms = draw(st.sampled_from([0.0, 0.02, 1.0, 40.0]))
    delay_ms = draw(st.sampled_from([0.01, 5.0, 25.0, 800.0]))
    packets = []
    for _ in range(count):
        options = {"source": int(dice.integers(2)), "port": 40000 + int(dice.integers(draw(st.just(12))))}
        payload = bytes(int(dice.choice([0, 0, 1, 700])))
        packets.append(
            tcp(int(dice.choice([ACK, ACK, SYN, 0x11, 4])), int(dice.integers(4000)), 1, payload, **options)
        )
    log = captures.log(packets, sources=[0] * count)
    sent = np.cumsum(dice.exponential(gap_ms * 1e6, count) + 1e9 * (dice.random(count) < 0.02)).astype(
        np.int64
    )
    fate = np.where(dice.random(count) < 0.1, dice.integers(0, len(FATES), count), 0).astype(np.int8)
    done = sent + (delay_ms * 1e6 * (1 + dice.exponential(0.3, count))).astype(np.int64)
    source = dice.integers(0, hosts, count).astype(np.int16)
    return replace(
        log,
        hosts=names,
        source=source,
        destination=((source + dice.integers(1, hosts, count)) % hosts).astype(np.int16),
        sent_ns=sent,
        done_ns=np.where((fate == 0) & (dice.random(count) < 0.97), done, -1),
        fate=fate,
        duplicate=dice.random(count) < 0.05,
    )


@given(logs())
@settings(max_examples=60, deadline=None)
def test_any_log_can_be_drawn_and_its_texts_are_whole(log: PacketLog) -> None:
    figure = drawn(log)
    assert len(figure.rows) == len(log)
    for drawing in (figure.wide, figure.narrow):
        assert_text_is_whole(drawing)
        svg = drawing.svg()
        assert arrows(svg) - samples(svg) == len(log)
        assert "nan" not in svg
        assert "inf" not in svg


@given(logs())
@settings(max_examples=40, deadline=None)
def test_time_never_runs_backwards(log: PacketLog) -> None:
    packets = sorted(dissect(log), key=lambda packet: packet.sent_ns)
    rtt_ns = ladder_stage.rtt_of_ns(packets) or 1e6
    ends = ladder_stage.ends_ns(packets, ladder_stage.delays_ns(packets, rtt_ns))
    axis = ladder_time.axis(packets, ends, rtt_ns, 100.0, 40.0)
    moments = sorted([*(packet.sent_ns for packet in packets), *ends])
    places = [axis.at(moment) for moment in moments]
    assert places[0] == pytest.approx(40.0)
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(places))
    assert not any(axis.is_cut(packet.sent_ns) for packet in packets)


@given(logs(), st.sampled_from(ladder_bundles.levels(1000, lanes=True)))
@settings(max_examples=60, deadline=None)
def test_bundles_hold_every_packet_once(log: PacketLog, level: ladder_bundles.Level) -> None:
    packets = sorted(dissect(log), key=lambda packet: (packet.sent_ns, packet.index))
    found = ladder_bundles.bundles(packets, 50e6, level)
    assert sorted(p.index for bundle in found for p in bundle.packets) == sorted(p.index for p in packets)
    for bundle in found:
        assert len({(p.source, p.destination) for p in bundle.packets}) == 1
        assert bundle.last.sent_ns - bundle.first.sent_ns <= level.span_rtt * 50e6
        if level.by_connection:
            assert len({p.connection for p in bundle.packets}) == 1


@given(
    st.lists(st.integers(0, 100), max_size=8, unique=True).map(sorted),
    st.integers(0, 100),
    st.integers(0, 100),
)
@settings(max_examples=100, deadline=None)
def test_what_is_left_of_a_stretch_is_what_was_not_cut(edges: list[int], one: int, other: int) -> None:
    silences = [ladder_time.Silence(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    axis = ladder_time.TimeAxis(0, 100, 0, 1, tuple(silences))
    start, end = min(one, other), max(one, other)
    left = {n for a, b in axis.uncut(start, end) for n in range(int(a), int(b))}
    assert left == {n for n in range(start, end) if not any(s.start_ns <= n < s.end_ns for s in silences)}
