"""An HTTP server that says who it is, and keeps connections open for as long as its clients like.

python shop.py 10.0.0.4 8080 old
curl http://10.0.0.4:8080/
"""

from __future__ import annotations

import asyncio
import sys


async def serve(host: str, port: int, name: str) -> None:
    body = name.encode()
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(response)
                await writer.drain()
                # nginx asks in HTTP/1.0 and says that it wants the connection closed.
                if b"connection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has left.
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
