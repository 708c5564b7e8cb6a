"""The feed of server.py, published to a NATS server, which has a policy of its own.

    python publisher.py nats://127.0.0.1:4222

It prints `ready`, and at Enter publishes what server.py publishes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import nats

COUNT, EVERY_S, SIZE = 320, 0.002, 16_384


async def main(url: str) -> None:
    client = await nats.connect(url)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    start_ns = time.monotonic_ns()
    print(json.dumps({"start_ns": start_ns, "count": COUNT, "every_s": EVERY_S}), flush=True)
    for number in range(1, COUNT + 1):
        due_ns = start_ns + round(number * EVERY_S * 1e9)
        await asyncio.sleep((due_ns - time.monotonic_ns()) / 1e9)
        await client.publish("feed", f"{number} {due_ns} ".encode().ljust(SIZE - 1, b".") + b"\n")
        await client.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
