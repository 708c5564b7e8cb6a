"""`hinterland link -- CMD`: any command behind a link with delay, loss and rate, without root."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from hinterland.cli.link import session as link_session
from hinterland.cli.link.shapes import Ways, described
from hinterland.cli.terminal.documents import LinkDocument
from hinterland.cli.terminal.options import Json, seconds
from hinterland.cli.terminal.output import paint, print_json
from hinterland.errors import SetupError, UsageError
from hinterland.rig.link.audit import LinkAudit
from hinterland.rig.link.ends import planned, two_ends
from hinterland.rig.link.kernel.plan import LinkPlan
from hinterland.rig.link.kernel.settings import HostSettings
from hinterland.rig.link.kernel.tiers import OVERRIDE
from hinterland.rig.link.link import Link
from hinterland.rig.link.listeners import ending

DROPPED_BY = {
    "queue": "dropped by a full queue",
    "cut": "dropped by the cut",
    "too_big": "too big",
    "scripted": "dropped by the script",
}
LONGEST_VIEW = 2000
LONGEST_CAPTURE = 50_000
"""Packets that are kept for a page, and for a capture: the forwarder holds them whole until the end."""


def link(
    *command: Annotated[
        str, Parameter(name="CMD", help="The command, after --.", allow_leading_hyphen=True, negative=())
    ],
    ways: Annotated[Ways, Parameter(name="*")] = Ways(),  # noqa: B008 - it is frozen
    mtu: Annotated[int, Parameter(metavar="BYTES", help="The largest IP packet.")] = 1500,
    server: Annotated[
        str | None, Parameter(metavar="CMD", help="A command at the far end, as one quoted text.")
    ] = None,
    wait: Annotated[str, Parameter(metavar="TIME", help="How long the server may take to listen.")] = "5s",
    shell: Annotated[bool, Parameter(negative=(), help="Your shell in place of CMD.")] = False,
    congestion: Annotated[str, Parameter(metavar="NAME", help="Congestion control of both ends.")] = "cubic",
    ipv6: Annotated[bool, Parameter(negative=(), help="Give the ends IPv6 addresses, too.")] = False,
    pcap: Annotated[Path | None, Parameter(metavar="FILE", help="Write the packets there.")] = None,
    view: Annotated[
        Path | None, Parameter(metavar="FILE", help="Draw the packets there, as a web page.")
    ] = None,
    seed: Annotated[int | None, Parameter(metavar="N", help="Of the losses; printed if not given.")] = None,
    json: Json = False,
    quiet: Annotated[bool, Parameter(negative=(), help="Print only what CMD and the server print.")] = False,
) -> int:
    """Run a command at one end of an emulated link, and a server at the other: real kernels, no root.

    Both ends are networks of their own, apart from this machine's; the names `client` and `server` work in
    them. The exit status is CMD's. With --json, CMD's output goes to stderr and the document to stdout. WORDS
    are delay, jitter, loss, reorder, duplicate, rate, queue, burst, drop, trace, codel and cut.
    """
    words = wanted(command, shell=shell)
    settings = HostSettings(congestion=congestion)
    to_server, to_client = ways.shapes()
    hosts = two_ends(up=to_server, down=to_client, client=settings, server=settings)
    chosen = secrets.randbits(31) if seed is None else seed
    plan = planned(
        "link",
        hosts,
        seed=chosen,
        mtu=mtu,
        ipv6=ipv6,
        pcap=pcap,
        packets=view is not None,
        packets_limit=LONGEST_VIEW if pcap is None else LONGEST_CAPTURE,
    )
    if pcap is not None and view is not None and pcap.absolute() == view.absolute():
        raise UsageError(f"--pcap and --view both write {pcap}.", "Give them a file each.")
    for file in filter(None, (pcap, view)):
        check_writable(file)
    return behind(
        for_programs(plan), words, server, view=view, patience_s=seconds(wait, "wait"), json=json, quiet=quiet
    )


def wanted(command: tuple[str, ...], *, shell: bool) -> list[str]:
    """Returns the command to run. Raises UsageError for none, and for both a shell and a command."""
    if shell and command:
        raise UsageError(
            f"--shell and a command ({shlex.join(command)}) can't stand together.", "Give one of them."
        )
    if shell:
        return link_session.shell()
    if not command:
        raise UsageError(
            "link needs a command, after --, or --shell.",
            "Such as: hinterland link --rtt 50ms --server ./server -- ./client server",
        )
    return list(command)


def for_programs(plan: LinkPlan) -> LinkPlan:
    """Returns the plan without the proxy, which programs would go past. Raises UsageError for that alone."""
    tiers = tuple(tier for tier in plan.tiers if tier != "proxy")
    if not tiers:
        raise UsageError(
            f"{OVERRIDE}=proxy: that carries only sockets made by hinterland.link(), not a command's.",
            f"Unset {OVERRIDE}; hinterland doctor says what can be had here.",
        )
    return replace(plan, tiers=tiers)


def behind(
    plan: LinkPlan,
    command: list[str],
    server: str | None,
    *,
    view: Path | None,
    patience_s: float,
    json: bool,
    quiet: bool,
) -> int:
    """Opens the link, runs the command in it, ends everything, says what the link did."""
    with Link(plan) as opened:
        if not quiet:
            introduce(opened)
        running = None if server is None else link_session.serve(opened, split(server), patience_s)
        broken = 0
        try:
            status = link_session.run(opened, command, output=sys.stderr if json else None)
            broken = link_session.broken(running, status)
        finally:
            left = link_session.end(opened, running)
        audit = opened.audit()
        captured = capture(opened, audit) if plan.pcap else ""
        if view is not None:
            draw(opened, view, shlex.join(command))
    if json:
        document = LinkDocument(status, shlex.join(command), opened.tier, plan.seed, audit.record(), left)
        print_json(document)
    if quiet:
        return status
    if broken:
        link_session.warn(f"The server {ending(broken)} before the command was done.")
    if left:
        link_session.warn(f"Ended {left} process{'es' if left > 1 else ''} that the command left running.")
    for line in filter(None, (captured, "" if json else summary(audit))):
        print(paint(line, "dim", stream=sys.stderr), file=sys.stderr)
    for trouble in audit.voids():
        link_session.warn(f"This link was not what you asked for: {trouble}.")
    return status


def capture(opened: Link, audit: LinkAudit) -> str:
    """Writes the packets as a capture and says what is in it. Raises SetupError when it can't be written."""
    plan = opened.plan
    count = opened.write_pcap(Path(plan.pcap))
    whole = "" if audit.packets <= plan.packets_limit else f", the first of {audit.packets:,}"
    return f"{plural(count)} in {plan.pcap}{whole}"


def check_writable(file: Path) -> None:
    """Raises SetupError where `file` can't be made, before anything has been run for nothing."""
    folder = file.absolute().parent
    if file.is_dir() or not folder.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise SetupError(f"{file} can't be written.", "Give a file in a folder that exists and is yours.")


def draw(opened: Link, file: Path, title: str) -> None:
    """Writes the packets of the link as a page."""
    from hinterland.model.packets import PacketView
    from hinterland.packets.ladder import page as packet_page

    ways = opened.shapes["client"]
    log = opened.packets()
    view = PacketView(
        caption="The packets between the two ends: when each was sent, and when it arrived or was dropped.",
        trial="",
        treatment=between(opened),
        log=log,
        rtt_ms=sum(way.delay_ms for way in ways) or None,
    )
    page = packet_page.render(view, title)
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{file} can't be written: {error.strerror}.", "Send it elsewhere.") from error


def split(command: str) -> list[str]:
    """Returns the words of a command. Raises UsageError where a quote is not closed."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"server={command}: {error}.", "Quote it as you would for a shell.") from error


def introduce(opened: Link) -> None:
    """Says on stderr who is where and what lies between them."""
    ends = (f"{each.name} {each.address} {each.address6}".rstrip() for each in opened.hosts.values())
    text = f"{'  '.join(ends)}  (tier {opened.tier}, seed {opened.plan.seed})\n{between(opened)}"
    print(paint(text, "dim", stream=sys.stderr), file=sys.stderr, flush=True)


def summary(audit: LinkAudit) -> str:
    """Returns in a line or two what the link carried, dropped, and how late it was itself."""
    dropped = Counter[str]()
    for one in audit.directions.values():
        dropped.update(one.dropped)
    parts = [plural(audit.packets)]
    parts += [f"{count:,} {DROPPED_BY.get(fate, fate)}" for fate, count in dropped.items()]
    says = "link: " + ", ".join(parts)
    if audit.lateness_p50_us is not None and audit.lateness_p99_us is not None:
        half, most = audit.lateness_p50_us / 1000, audit.lateness_p99_us / 1000
        says += f"; half at most {half:.2f} ms late, 99 % at most {most:.2f} ms"
    return says


def plural(packets: int) -> str:
    """Returns how many packets, in words."""
    return f"{packets:,} packet{'' if packets == 1 else 's'}"


def between(opened: Link) -> str:
    """Returns what lies between the ends, in words."""
    up, down = map(described, opened.shapes["client"])
    return f"each way {up}" if up == down else f"to the server {up}\nto the client {down}"
