"""A lesson's Markdown as safe HTML: raw HTML is shown as text and no image is loaded."""

from __future__ import annotations

DEEPER = 2
SCROLLS = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'
"""Around each table: on a phone it is wider than the page, and moves in its own frame, by keys as well."""


def render(text: str) -> str:
    """Returns HTML whose highest heading is <h3>, so that it fits under a section of the report."""
    if not text.strip():
        return ""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + DEEPER)}"
    # A text has no tag of its own: these are the tables that were just made.
    made = str(markdown.renderer.render(tokens, markdown.options, {}))
    return made.replace("<table>", f"{SCROLLS}<table>").replace("</table>", "</table></div>")
