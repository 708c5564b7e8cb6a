"""Receivers of notifications: HTTP servers that are called, or subscribers of a NATS server.

    python receivers.py direct 8081 8082              # two servers, named by their ports
    python receivers.py nats nats://127.0.0.1:4222 anna ben
    python receivers.py jetstream nats://127.0.0.1:4222 anna ben
    python receivers.py --later nats nats://127.0.0.1:4222 carl

The first two tell nobody what they have missed; with JetStream each name is a durable consumer, for which
the server keeps what it has not acknowledged. Each notification is printed as a line: `received`, name, id,
moment in ns of CLOCK_MONOTONIC. `joining` says until when nobody listened, `joined` from when on all did: in
between some may hear already. Then `ready` is printed. It ends when all have the last notification. With
`--later` it prints `ready` first, and joins at Enter.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Sequence
from typing import cast

SUBJECT, STREAM = "news", "NEWS"
ASK_AGAIN_S = 0.02


class Receiver:
    """One receiver: prints what it receives, and knows when that was the last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_last = asyncio.Event()

    def take(self, body: bytes) -> None:
        notification = json.loads(body)
        print("received", self.name, notification["id"], time.monotonic_ns(), flush=True)
        if notification["last"]:
            self.has_last.set()


class HttpServer(asyncio.Protocol):
    """One connection of the sender: takes what is posted, and answers 204."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.sender = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while b"\r\n\r\n" in self.unread:
            head, _, rest = self.unread.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].split()[0])
            if len(rest) < size:
                return
            self.receiver.take(rest[:size])
            self.unread = rest[size:]
            self.sender.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def serve(receiver: Receiver) -> None:
    """Listens for HTTP on the port that is the receiver's name."""
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: HttpServer(receiver), "127.0.0.1", int(receiver.name))


async def subscribe(receiver: Receiver, url: str) -> None:
    """Subscribes: from now on."""
    import nats
    from nats.aio.msg import Msg

    async def take(message: Msg) -> None:
        receiver.take(message.data)

    client = await nats.connect(url)
    await client.subscribe(SUBJECT, cb=take)
    await client.flush()


async def consume(receiver: Receiver, url: str) -> None:
    """Takes up where the consumer of this name has stopped acknowledging."""
    import nats
    from nats.aio.msg import Msg
    from nats.js.api import ConsumerConfig

    async def take(message: Msg) -> None:
        receiver.take(message.data)
        await message.ack()

    streams = (await nats.connect(url)).jetstream()
    await streams.add_stream(name=STREAM, subjects=[SUBJECT])
    # What was handed out and not acknowledged is handed out again after this time.
    again = ConsumerConfig(ack_wait=0.3)
    await streams.subscribe(SUBJECT, durable=receiver.name, cb=take, manual_ack=True, config=again)


async def nothing_waits(names: Sequence[str], url: str) -> None:
    """Returns when the server keeps nothing more for these consumers."""
    import nats

    streams = (await nats.connect(url)).jetstream()
    for name in names:
        state = await streams.consumer_info(STREAM, name)
        while state.num_pending or state.num_ack_pending:
            await asyncio.sleep(ASK_AGAIN_S)
            state = await streams.consumer_info(STREAM, name)


async def main(way: str, *rest: str) -> None:
    url, names = ("", rest) if way == "direct" else (rest[0], rest[1:])
    receivers = [Receiver(name) for name in names]
    if way != "direct":
        importlib.import_module("nats")  # It takes longer than joining does.
    print("joining", time.monotonic_ns(), flush=True)
    for each in receivers:
        if way == "direct":
            await serve(each)
        elif way == "nats":
            await subscribe(each, url)
        else:
            await consume(each, url)
    print("joined", time.monotonic_ns(), flush=True)
    print("ready", flush=True)
    await asyncio.gather(*(each.has_last.wait() for each in receivers))
    if way == "jetstream":
        await nothing_waits(names, url)


if __name__ == "__main__":
    asked = sys.argv[1:]
    if asked[0] == "--later":
        if asked[1] != "direct":
            importlib.import_module("nats")  # So that joining is all that is left to do.
        print("ready", flush=True)
        sys.stdin.readline()
        asked = asked[1:]
    asyncio.run(main(*asked))
