"""Fills a cache of several nodes, lets one join or leave, and counts the keys that are not found any more."""

from __future__ import annotations

import asyncio

from hinterland.lab import History, Outcome, Trial, assume, redis

KEYS = 5_000
PATIENCE_S = 60.0


async def trial(t: Trial) -> None:
    t.phase("prepare")
    joins = t["event"] == "joins"
    count = t["nodes"] + joins
    nodes = await asyncio.gather(*(t.start(redis(name=f"node-{number}")) for number in range(count)))
    before = nodes[: t["nodes"]]
    leaving = None if joins else before[len(before) // 2 if t["event"] == "middle_leaves" else -1]
    after = nodes if joins else [node for node in before if node is not leaving]
    asked = [t["scheme"], "--keys", KEYS, "--seed", t.seed]
    for name, members in (("--before", before), ("--after", after)):
        asked += [name, ",".join(str(node.port) for node in members)]
    cluster = await t.start("cluster.py", *asked, name="cluster", waits=True)
    t.phase("measure")
    if leaving is not None:
        await t.rig.kill(leaving.process)
    cluster.tell()
    if await cluster.wait(PATIENCE_S) != 0:
        raise cluster.failure("it ended before it was done.")
    t.reading("cluster", cluster.said())


def outcome(h: History) -> Outcome:
    seen, nodes = h.readings["cluster"], int(h.treatment["nodes"])
    counts, joins = seen["keys_of_nodes"], h.treatment["event"] == "joins"
    everything = assume(
        "every key was kept by a node, and asked for again",
        sum(counts) == seen["asked"] == KEYS,
        f"{sum(counts):,} kept, {seen['asked']:,} asked for",
        name="everything",
    )
    fell = assume(
        "a node was killed, where one was to leave",
        len(h.faults("kill")) == (not joins),
        f"{len(h.faults('kill'))} killed",
        name="left",
    )
    metrics = {
        "missed_share": 1 - seen["found"] / seen["asked"],
        # The new node's fair share, or what the lost one had.
        "fewest_missed_share": 1 / (nodes + joins),
        "fullest": max(counts) * nodes / sum(counts),
    }
    return Outcome(metrics=metrics, assumptions=(everything, fell))
