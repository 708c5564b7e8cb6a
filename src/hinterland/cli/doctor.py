"""`hinterland doctor`: what this machine has, what it lacks, what that would unlock and how to get it."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hinterland import catalogue, errors
from hinterland.cli.atlas.listing import print_broken
from hinterland.cli.terminal.documents import DoctorDocument, Fact, NeedFound
from hinterland.cli.terminal.options import Json
from hinterland.cli.terminal.output import heading, paint, print_json, wrapped
from hinterland.model.experiment import Experiment
from hinterland.model.weather import Weather
from hinterland.report.weather import taken_says
from hinterland.rig.link.kernel.tiers import Survey, survey
from hinterland.rig.machine.availability import availability
from hinterland.rig.machine.description import describe
from hinterland.rig.machine.needs import NeedStatus, check
from hinterland.rig.machine.weather import watch
from hinterland.rig.processes.scratch import default_place, sweep_stale
from hinterland.runner.machine_quiet import is_quiet
from hinterland.store import default_store

ENOUGH_FILES = 10_500
"""Open files for 10,000 connections, the largest default level, and what a server needs besides."""
ENOUGH_DISK_BYTES = 2 << 30
WEATHER_S = 2.0


def doctor(*, json: Json = False) -> int:
    """What is here, what is missing, which command installs it, and what each missing part would unlock.

    Exit status: 0, or 69 if no experiment can run here.
    """
    chosen = catalogue.experiments()
    found = {one.id: availability(one) for one in chosen}
    store = default_store()
    machine = describe(nearest(store))
    facts = tuple(facts_of(machine, store))
    parts = parts_of(chosen)
    ready = sum(one.runs != "no" for one in found.values())
    if json:
        runs = {identity: one.runs for identity, one in found.items()}
        broken = tuple(map(str, catalogue.broken()))
        print_json(DoctorDocument(ready > 0, runs, parts, facts, machine, str(store), broken))
    else:
        print("\n".join(page(facts, parts)))
        print(f"\n{ready} of {len(chosen)} experiments can run here.  See: hinterland list")
    print_broken()
    return 0 if ready else errors.SETUP


def page(facts: tuple[Fact, ...], parts: tuple[NeedFound, ...]) -> Iterator[str]:
    """Yields the lines of the page: the machine, what is here, what is missing."""
    yield heading("This machine")
    column = max(len(fact.name) for fact in facts)
    for fact in facts:
        sign = paint("✓", "green") if fact.good else paint("!", "yellow")
        text = wrapped(fact.value, column + 6).strip()
        yield f"  {sign} {fact.name.ljust(column)}  {text}"
        if fact.advice:
            yield paint(wrapped(fact.advice, column + 6), "yellow")
    here = [part for part in parts if part.available]
    missing = [part for part in parts if not part.available]
    if here:
        yield ""
        yield heading("Here")
        column = max(len(part.need) for part in here)
        for part in here:
            says = f"{part.version or 'yes'}  {paint(where_of(part), 'dim')}".rstrip()
            yield f"  {paint('✓', 'green')} {part.need.ljust(column)}  {says}"
    if missing:
        yield ""
        yield heading("Missing")
        for part in missing:
            yield f"  {paint('✗', 'red')} {part.need}"
            yield wrapped(f"unlocks {', '.join(part.unlocks)}", 4)
            yield f"    {paint(part.install, 'cyan')}"


def parts_of(chosen: tuple[Experiment, ...]) -> tuple[NeedFound, ...]:
    """Returns every need of every experiment once, with what it unlocks, in the catalogue's order."""
    unlocks: dict[str, list[str]] = {}
    for one in chosen:
        by_level: dict[str, list[str]] = {}
        for name, factor in one.factor.items():
            for level, needs in factor.needs.items():
                for need in needs:
                    by_level.setdefault(need.rstrip("?"), []).append(f"{one.id} {name}={level}")
        for need in one.needs:
            name = need.rstrip("?")
            unlocks.setdefault(name, []).extend(
                by_level.pop(name, [one.id]) if need.endswith("?") else [one.id]
            )
        for name, levels in by_level.items():
            unlocks.setdefault(name, []).extend(levels)
    return tuple(
        found_need(check(need, with_version=True), tuple(dict.fromkeys(what)))
        for need, what in unlocks.items()
    )


def where_of(part: NeedFound) -> str:
    """Returns where a program stands; nothing for a Python module, which stands where pip puts them."""
    return "" if part.need.startswith("python:") else part.where


def found_need(status: NeedStatus, unlocks: tuple[str, ...]) -> NeedFound:
    return NeedFound(status.need, status.available, status.version, status.where, status.install, unlocks)


def facts_of(machine: dict[str, Any], store: Path) -> Iterator[Fact]:
    """Yields what matters of the machine itself, each judged."""
    cores = len(os.sched_getaffinity(0))
    advice = "" if cores > 1 else "Load and server share the core: timings are rougher."
    yield Fact("cores", f"{cores}  {machine.get('cpu') or ''}".rstrip(), cores > 1, advice)
    if machine.get("kernel"):
        yield Fact("kernel", str(machine["kernel"]))
    yield weather_fact(watch(WEATHER_S))
    yield from link_facts(survey())
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = "unlimited" if most == resource.RLIM_INFINITY else f"{most:,}"
    enough = most == resource.RLIM_INFINITY or most >= ENOUGH_FILES
    advice = f"10,000 connections need {ENOUGH_FILES:,}: raise the hard limit (ulimit -Hn) in limits.conf."
    yield Fact("open files", f"at most {files} a process", enough, "" if enough else advice)
    yield disk(default_place(), "scratch")
    yield disk(nearest(store), "store")
    yield writable(store)
    swept = sweep_stale()
    if swept:
        yield Fact("leftovers", f"removed {len(swept)} scratch folders of runs that were killed")
    else:
        yield Fact("leftovers", "none")


def weather_fact(felt: Weather) -> Fact:
    """Returns how noisy the machine is just now, and what that does to a run."""
    taken = taken_says(felt)
    if is_quiet(felt):
        return Fact("weather", f"quiet{f': {taken}' if taken else ''} ({WEATHER_S:g} s watched)")
    advice = (
        "Verdicts come through noise, but later; that two things are equal may stay open (--patience 2m)."
    )
    return Fact("weather", f"noisy: {taken} ({WEATHER_S:g} s watched)", False, advice)


def link_facts(found: Survey) -> Iterator[Fact]:
    """Yields what carries a link's packets here, and for each better tier what would unlock it."""
    says = {
        "tun": "TUN devices: delay, loss, rate and queues",
        "packet": "packet sockets on veth pairs: delay, loss, rate and queues",
        "netem": "the kernel's netem: delay, loss and rate, no record of packets",
        "proxy": "delay and rate, but no loss and no record of packets",
    }
    yield Fact("link", f"{found.tier}: {says[found.tier]}", found.tier in ("tun", "packet"))
    # What keeps out one tier often keeps out the next: said once, with the best that it would unlock.
    for each in {one.why: one for one in reversed(found.refusals)}.values():
        yield Fact(f"link {each.tier}", each.why, False, each.unlock)


def disk(folder: Path, name: str) -> Fact:
    """Returns how much space is free under `folder`."""
    free = shutil.disk_usage(folder).free
    advice = "" if free >= ENOUGH_DISK_BYTES else "Runs need up to 2 GiB: free some space or set TMPDIR."
    return Fact(f"{name} disk", f"{free / 2**30:.1f} GiB free under {folder}", not advice, advice)


def writable(store: Path) -> Fact:
    """Returns whether runs can be kept in `store`, tried by making the folder and a file in it."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store):
            pass
    except OSError as error:
        advice = "Give a folder that you may write: --store DIR (or set HINTERLAND_STORE)"
        return Fact("store", f"{store} can't be written: {error.strerror}", False, advice)
    return Fact("store", f"{store} can be written")


def nearest(folder: Path) -> Path:
    """Returns the nearest folder above (or itself) that exists."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
