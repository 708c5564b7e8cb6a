"""A small web server. Wrong on purpose where WAIT_MS > 0: people await a neighbour in the handler,
because the code reads well, and pass its delay on to every client.

    python server.py PORT [WAIT_MS]
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"


async def neighbour(wait_ms: float) -> None:
    """Stands for a database or another service that takes its time."""
    if wait_ms > 0:
        await asyncio.sleep(wait_ms / 1000)


async def serve(port: int, wait_ms: float) -> None:
    """Answers every request with a greeting, after the neighbour has answered."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await neighbour(wait_ms)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
