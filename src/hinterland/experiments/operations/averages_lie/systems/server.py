"""An HTTP server whose answers take as long as a plan says: `server.py PORT VARIANT SLOW_SHARE COUNT SEED`.

- steady: every answer takes MEAN_MS.
- two_faced: a share of them takes SLOW_MS, at random places, the others FAST_MS; the mean is the same.
- in_a_burst: as many take SLOW_MS, one after the other; the others FAST_MS.
"""

import asyncio
import random
import sys
from collections.abc import Iterator

FAST_MS, SLOW_MS, MEAN_MS = 2.0, 202.0, 12.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


def plan(variant: str, slow_share: float, count: int, seed: int) -> list[float]:
    """Returns how long each answer takes, in ms, in the order in which the requests come."""
    if variant == "steady":
        return [MEAN_MS] * count
    slow = round(slow_share * count)
    if variant == "in_a_burst":
        # Inside one tenth of the time, where the share is at most a twentieth.
        begin = count * 42 // 100
        return [SLOW_MS if begin <= place < begin + slow else FAST_MS for place in range(count)]
    places = set(random.Random(seed).sample(range(count), slow))
    return [SLOW_MS if place in places else FAST_MS for place in range(count)]


class Connection(asyncio.Protocol):
    def __init__(self, times_ms: Iterator[float]) -> None:
        self.times_ms = times_ms

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        # One request at a time on a connection, and each in one piece: this is no server for the world.
        if data.endswith(b"\r\n\r\n"):
            loop = asyncio.get_running_loop()
            loop.call_later(next(self.times_ms, FAST_MS) / 1e3, self.transport.write, ANSWER)


async def main(port: int, variant: str, slow_share: float, count: int, seed: int) -> None:
    times_ms = iter(plan(variant, slow_share, count, seed))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(times_ms), "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
