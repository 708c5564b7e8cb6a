"""What Anki imports: its header lines, a card a line, the same GUID each time."""

from __future__ import annotations

import csv
import html

from hypothesis import given
from hypothesis import strategies as st

from hinterland.web.reader.anki import Card, text


def read(content: str) -> tuple[dict[str, str], list[list[str]]]:
    """Reads a file as Anki's manual says: `#key:value` lines first, then fields, perhaps quoted."""
    lines = content.split("\n")
    head = [line for line in lines if line.startswith("#")]
    assert lines[: len(head)] == head
    header = dict(line[1:].split(":", 1) for line in head)
    assert header["separator"] == "tab"
    return header, list(csv.reader([line for line in lines[len(head) :] if line], delimiter="\t"))


def test_a_card_is_a_line_with_its_guid_first() -> None:
    header, rows = read(text([Card("a/b", "Why?", {"Expected": "x < 3\ny", "Learned": 'say "no"'})]))
    assert header == {
        "separator": "tab",
        "html": "true",
        "notetype": "Basic",
        "deck": "Hinterland",
        "columns": "GUID\tFront\tBack\tTags",
        "guid column": "1",
        "tags column": "4",
    }
    [[guid, front, back, tags]] = rows
    assert (guid, front, tags) == ("hinterland:a/b", "Why?", "hinterland hinterland::a")
    assert back == "<b>Expected</b><br>x &lt; 3<br>y<br><br><b>Learned</b><br>say &quot;no&quot;"


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=4))
def test_no_text_breaks_out_of_its_field(cards: list[tuple[str, str]]) -> None:
    made = [Card(f"a/b{number}", front, {"Came": back}) for number, (front, back) in enumerate(cards)]
    _, rows = read(text(made))
    assert [row[0] for row in rows] == [card.guid for card in made]
    for (front, _), row in zip(cards, rows, strict=True):
        assert len(row) == 4
        assert html.unescape(row[1].replace("<br>", " ")).split() == front.split()
