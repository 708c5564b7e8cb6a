"""The packets of a command behind a link, as a page of their own that loads nothing."""

from __future__ import annotations

from hinterland.drawing.template import template
from hinterland.model.packets import PacketView
from hinterland.package import VERSION
from hinterland.packets.ladder import ladder


def render(view: PacketView, title: str) -> str:
    """Returns the page. `title` is the command; the view's `treatment` says what lay between the ends."""
    drawn = ladder.figure(
        view.log,
        key="packets",
        caption=view.caption,
        rtt_ms=view.rtt_ms,
        start_ms=view.start_ms,
        end_ms=view.end_ms,
    )
    page = template("hinterland.packets", "packets.html.j2")
    return page.render(version=VERSION, title=title, says=view.treatment, it=drawn)
