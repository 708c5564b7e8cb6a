"""Sends messages to a program that reads, is stopped or is killed, and asks who had how much of them."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from pathlib import Path
from typing import Any

from hinterland import (
    Assumption,
    Finding,
    History,
    Operation,
    Outcome,
    Trial,
    WitnessEvent,
    matches,
    never,
    ratio_at_least,
)
from hinterland.checkers.assumptions import fastest_agree
from hinterland.load.client import Unanswered
from hinterland.load.operations import Planned
from hinterland.model.experiment import Where
from hinterland.rig.link.settings import HostSettings
from hinterland.rig.process import Process
from hinterland.rig.sockets import connections, counters, tcp_info, unacknowledged_bytes

SYSTEMS = Path(__file__).parent / "systems"
PORT, KIB = 8080, 1024
HEAD, NUMBER = struct.Struct("!II"), struct.Struct("!I")
GREETING = 0  # The number of the first message, which is not measured.
ROUNDS = 3  # So many messages are timed one after the other, where they are small.
# A send() that was taken no further for so many round trips is blocked; on a short way a delayed
# acknowledgement alone takes 40 ms, so it is not less than so many seconds.
FULL_AFTER_TRIPS, FULL_AFTER_S = 6, 0.3
MOST_STALLS = 3
AGREE_MS = 5  # Beside 25 on the way.
ACKNOWLEDGED_AFTER_S = 2.0
MANY, AT_ONCE, KILL_AFTER = 160, 16, 32
KILL_AFTER_KB = 512  # Or so much, if that is less: large messages would take long.

EAGER: Where = {"reader": "eager"}
PAUSED: Where = {"reader": "paused"}
SMALL: Where = {"size_kb": 8}
LARGE: Where = {"size_kb": 400}

CLAIMS = {
    "send_only_hands_over": ratio_at_least(
        metric="done_ms",
        ratio=20,
        more={"confirm": "answer"},
        less={"confirm": "send"},
        where={**EAGER, **SMALL},
        control=LARGE,
    ),
    "half_a_trip_later": matches(
        metric="arrive_ms", oracle="half_rtt_ms", within=1.8, where={**EAGER, **SMALL}, control=LARGE
    ),
    "acknowledged_unread": matches(
        metric="acknowledged_kb", oracle="asked_kb", within=1.5, where={**PAUSED, **SMALL}, control=LARGE
    ),
    "both_buffers_then_block": matches(
        metric="taken_kb", oracle="buffers_kb", within=2, where={**PAUSED, **LARGE}, control=EAGER
    ),
    "window_closes": ratio_at_least(
        metric="window_packets",
        ratio=10,
        more=EAGER,
        less=PAUSED,
        where={"confirm": "send", **LARGE},
        control=SMALL,
    ),
    "only_an_answer_counts": never(
        finding="lost",
        where={"reader": "killed", "confirm": "answer"},
        control={"confirm": "send"},
        at_most=0.03,
    ),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    buffer_bytes = t["buffer_kb"] * KIB
    link = await t.rig.link(
        rtt_ms=t["rtt_ms"],
        client=HostSettings(sysctl={"net.ipv4.tcp_wmem": f"4096 {buffer_bytes} {buffer_bytes}"}),
        server=HostSettings(sysctl={"net.ipv4.tcp_rmem": f"4096 {buffer_bytes} {buffer_bytes}"}),
        packets=t["reader"] == "paused",
    )
    journal = t.scratch / "journal.txt"
    program = {"python": "receiver.py", "node": "receiver.js"}[t["variant"]]
    receiver = await t.rig.start(
        [SYSTEMS / program, PORT, journal], name=t["variant"], host=link.server, port=PORT
    )
    async with Sender(link.client.socket(), (link.server.address, PORT), t["size_kb"] * KIB) as sender:
        await sender.until_answered(await sender.write(GREETING, length=0))
        t.phase("measure")
        match t["reader"]:
            case "eager":
                await send_one_by_one(t, sender, receiver)
            case "paused":
                await send_to_a_stopped_reader(t, sender, receiver)
            case _:
                await kill_in_the_midst(t, sender, receiver)
    t.phase("final")
    t.reading("journal", [[int(word) for word in line.split()] for line in journal.read_text().splitlines()])


async def send_one_by_one(t: Trial, sender: Sender, receiver: Process) -> None:
    """Each message finds empty buffers: the sender waits for the answer to the one before it, untimed."""
    rounds = ROUNDS if t["size_kb"] * 2 <= t["buffer_kb"] else 1
    for number in range(1, rounds + 1):
        await t.operations.all([message(t, sender, number)], clients=1)
        await sender.until_answered(number)
    t.reading("then", seen(sender, receiver, rounds * sender.size, rounds))


async def send_to_a_stopped_reader(t: Trial, sender: Sender, receiver: Process) -> None:
    """Sends one message, looks when nothing moves any more, and lets the receiver go on."""
    await t.rig.pause(receiver)

    async def call() -> Any:
        patience_s = max(FULL_AFTER_TRIPS * t["rtt_ms"] / 1000, FULL_AFTER_S)
        taken = await sender.write_what_fits(1, patience_s)
        if taken == HEAD.size + sender.size:
            await sender.until_acknowledged(ACKNOWLEDGED_AFTER_S)
        t.reading("then", seen(sender, receiver, max(taken - HEAD.size, 0), 1))
        await t.rig.resume(receiver)
        await sender.write_the_rest()
        await sender.until_answered(1)
        return "ok", None

    await t.operations.perform("send", "1", client=0, call=call)


async def kill_in_the_midst(t: Trial, sender: Sender, receiver: Process) -> None:
    """Kills the receiver when it has answered some messages and more are under way."""
    enough = max(2, min(KILL_AFTER, KILL_AFTER_KB // t["size_kb"]))
    plans = [message(t, sender, number) for number in range(1, MANY + 1)]
    sending = asyncio.create_task(t.operations.all(plans, clients=AT_ONCE))
    await sender.until_answered(enough)
    await t.rig.kill(receiver)
    await sending


def message(t: Trial, sender: Sender, number: int) -> Planned:
    """Returns the sending of one message, which ends when the sender takes it for done."""

    async def call(client: int) -> Any:
        await sender.write(number)
        if t["confirm"] == "answer":
            await sender.until_answered(number)
        return "ok", None

    return Planned(kind="send", key=str(number), call=call)


def seen(sender: Sender, receiver: Process, taken: int, messages: int) -> dict[str, Any]:
    """Returns what both kernels say of the connection at this moment. `taken`: bytes without the heads."""
    info = tcp_info(sender.socket)
    port = sender.socket.getsockname()[1]
    table = [each for each in connections(receiver.pid) if each.port == PORT and each.peer_port == port]
    return {
        "at_ns": time.monotonic_ns(),
        "messages": messages,
        "taken_bytes": taken,
        "unacknowledged_bytes": unacknowledged_bytes(sender.socket),
        "unsent_bytes": info.unsent_bytes,
        "window_bytes": info.send_window_bytes,
        "packet_bytes": info.packet_bytes,
        "unread_bytes": sum(each.unread for each in table),
        "zero_windows": counters(receiver.pid)["TCPToZeroWindowAdv"],
    }


class Sender:
    """One connection that writes numbered messages and reads the numbers that come back."""

    def __init__(self, sending: socket.socket, address: tuple[str, int], size: int) -> None:
        sending.setblocking(False)
        self.socket = sending
        self.size = size
        self._address = address
        self._message = bytearray(HEAD.size + size)
        self._rest = memoryview(b"")
        self._turn = asyncio.Lock()
        self._answered = -1
        self._over = False
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Sender:
        await asyncio.get_running_loop().sock_connect(self.socket, self._address)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.socket.close()

    async def write(self, number: int, length: int | None = None) -> int:
        """Writes a message and returns its number when the kernel has taken all of it."""
        length = self.size if length is None else length
        async with self._turn:
            HEAD.pack_into(self._message, 0, length, number)
            self._rest = memoryview(self._message)[: HEAD.size + length]
            await self._push()
        return number

    async def write_what_fits(self, number: int, patience_s: float) -> int:
        """Writes a message until the kernel takes no more; returns the bytes it took.

        That is when it has taken nothing for `patience_s`. Where the receiver's window is open, the machine
        or the link stood still: then it waits once more.
        """
        HEAD.pack_into(self._message, 0, self.size, number)
        self._rest = memoryview(self._message)
        for _ in range(MOST_STALLS):
            try:
                await self._push(patience_s)
            except TimeoutError:
                info = tcp_info(self.socket)
                if (info.send_window_bytes or 0) < info.packet_bytes:
                    break
        return len(self._message) - len(self._rest)

    async def write_the_rest(self) -> None:
        await self._push()

    async def until_acknowledged(self, timeout_s: float) -> None:
        """Returns when the receiver's kernel has confirmed every byte, or after `timeout_s`."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while unacknowledged_bytes(self.socket):
            if loop.time() > end_s:
                break
            await asyncio.sleep(0.002)

    async def until_answered(self, number: int) -> None:
        """Returns when the receiver has said that it read message `number`. Raises Unanswered if it can't."""
        async with self._news:
            await self._news.wait_for(lambda: self._over or self._answered >= number)
        if self._answered < number:
            raise Unanswered("closed")

    async def _push(self, patience_s: float | None = None) -> None:
        while self._rest:
            try:
                self._rest = self._rest[self.socket.send(self._rest) :]
            except BlockingIOError:
                async with asyncio.timeout(patience_s):
                    await self._writable()

    async def _writable(self) -> None:
        loop, room = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self.socket, room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(self.socket)

    async def _read(self) -> None:
        loop, unread = asyncio.get_running_loop(), b""
        try:
            while piece := await loop.sock_recv(self.socket, 4096):
                whole = len(unread := unread + piece) // NUMBER.size * NUMBER.size
                async with self._news:
                    # Answers come in the order of the messages, so the last one says it all.
                    if whole:
                        [self._answered] = NUMBER.unpack(unread[whole - NUMBER.size : whole])
                    unread = unread[whole:]
                    self._news.notify_all()
        except ConnectionError:
            pass  # the receiver was killed
        finally:
            async with self._news:
                self._over = True
                self._news.notify_all()


def outcome(h: History) -> Outcome:
    sends = [each for each in h.operations if each.kind == "send"]
    done = [each for each in sends if each.outcome == "ok"]
    read_ns = {number: at_ns for number, at_ns in h.readings["journal"] if number != GREETING}
    if h.treatment["reader"] == "killed":
        return after_the_kill(h, sends, done, read_ns)
    then = h.readings["then"]
    read = sum(at_ns <= then["at_ns"] for at_ns in read_ns.values())
    metrics = {
        "half_rtt_ms": float(h.treatment["rtt_ms"]) / 2,
        "asked_kb": float(h.treatment["size_kb"]) * then["messages"],
        "buffers_kb": 2 * float(h.treatment["buffer_kb"]),
        "taken_kb": then["taken_bytes"] / KIB,
        "acknowledged_kb": (then["taken_bytes"] - then["unacknowledged_bytes"]) / KIB,
        "read_kb": float(h.treatment["size_kb"]) * read,
        "here_kb": then["unacknowledged_bytes"] / KIB,
        "there_kb": then["unread_bytes"] / KIB,
    }
    if then["window_bytes"] is not None:
        # A sender does not send for less than a full packet's room, so that counts as one, and as closed.
        metrics["window_packets"] = max(1.0, then["window_bytes"] / then["packet_bytes"])
    agree: tuple[Assumption, ...] = ()
    if h.treatment["reader"] == "eager":
        # Whatever else the machine does can only add: the fastest shows best what the kernels do.
        metrics["done_ms"] = min((each.done_ns - each.sent_ns) / 1e6 for each in done)
        arrive_ms = [(read_ns[int(one.key)] - one.sent_ns) / 1e6 for one in sends]
        metrics["arrive_ms"] = min(arrive_ms)
        agree = (fastest_agree("messages", arrive_ms, AGREE_MS),) if len(arrive_ms) > 1 else ()
    assumptions = (everything_arrived(then, read_ns), stood_still(h, read), *agree)
    return Outcome(metrics=metrics, assumptions=assumptions)


def after_the_kill(
    h: History, sends: list[Operation], done: list[Operation], read_ns: dict[int, int]
) -> Outcome:
    """Compares what the sender took for done with what the killed receiver had read."""
    killed_ns = next(event.t_ns for event in h.events if event.name == "kill" and event.stage == "effect")
    start_ns = min(each.sent_ns for each in sends)
    lost = tuple(
        loss(each, start_ns, killed_ns, max(read_ns, default=GREETING))
        for each in done
        if int(each.key) not in read_ns
    )
    in_the_midst = Assumption(
        id="in_the_midst",
        says="the receiver was killed when it had read some messages and others were still to come",
        held=0 < len(read_ns) < len(sends),
        measured=f"{len(read_ns)} of {len(sends)} read",
    )
    return Outcome(
        metrics={"lost": float(len(lost))},
        findings=lost,
        tries={"lost": len(done)},
        assumptions=(in_the_midst,),
    )


def loss(send: Operation, start_ns: int, killed_ns: int, last_read: int) -> Finding:
    who = f"message {send.key}"
    return Finding(
        kind="lost",
        key=who,
        says=f"{who} was taken for done and never read",
        witness=(
            WitnessEvent((send.sent_ns - start_ns) / 1e6, "sender", f"sends {who}"),
            WitnessEvent((send.done_ns - start_ns) / 1e6, "sender", f"takes {who} for done"),
            WitnessEvent((killed_ns - start_ns) / 1e6, "receiver", "is gone"),
            WitnessEvent((killed_ns - start_ns) / 1e6, "journal", f"ends with message {last_read}"),
        ),
    )


def everything_arrived(then: dict[str, Any], read_ns: dict[int, int]) -> Assumption:
    return Assumption(
        id="everything_arrived",
        says="in the end the receiver had read every message once",
        held=sorted(read_ns) == list(range(1, then["messages"] + 1)),
        measured=f"{len(read_ns)} of {then['messages']}",
    )


def stood_still(h: History, read: int) -> Assumption:
    return Assumption(
        id="stood_still",
        says="a stopped receiver reads nothing",
        held=h.treatment["reader"] == "eager" or read == 0,
        measured=f"{read} messages read by then",
    )
