"""One thread and an event loop: while one request waits for the neighbour, the loop turns to another.

It computes in the loop itself, where there is nobody else to do it.

    python event_loop.py 8080 8081 0.5    # port, the neighbour's port, share of computing
"""

from __future__ import annotations

import asyncio
import sys

from work import ANSWER, compute, question, say_build  # type: ignore[import-not-found]


async def main(port: int, neighbour_port: int, share: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard, said = await asyncio.open_connection("127.0.0.1", neighbour_port)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if share < 1:
                    said.write(question(share))
                    await heard.readuntil(b"\r\n\r\n")
                compute(share)
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client left.
        finally:
            said.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    say_build()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
