"""A lesson as HTML: headings below those of the page, tables in frames of their own, no tags of its own."""

from __future__ import annotations

from hinterland.report import markdown

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"


def test_each_table_moves_in_its_own_frame_and_can_be_reached_by_keys() -> None:
    found = markdown.render(f"{TABLE}\ntext\n\n{TABLE}")
    assert found.count(f"{markdown.SCROLLS}<table>") == found.count("</table></div>") == 2
    assert 'tabindex="0"' in markdown.SCROLLS


def test_what_was_written_as_html_is_text() -> None:
    found = markdown.render("<table><tr><td>x</td></tr></table> and `<table>`")
    assert "<table" not in found
    assert "<div" not in found


def test_headings_fit_below_a_section() -> None:
    assert markdown.render("# one\n\n##### five").replace("\n", "") == "<h3>one</h3><h6>five</h6>"
