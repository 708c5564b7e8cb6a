"""The client's own small server: where it is called back.

    python receiver.py 9000
    curl http://127.0.0.1:9000/heard/7                      # answered when job 7 was told, with the moment
    curl -d '{"job": 7}' http://127.0.0.1:9000/hook         # what the other side does

To be called back a client needs this: a program that runs all the time, at an address that the other side
reaches. A real one would also check who calls, and answer a call that comes twice.
"""

import asyncio
import json
import sys
import time


class Heard:
    """The calls so far: when each job was told of."""

    def __init__(self) -> None:
        self.jobs: dict[int, asyncio.Future[int]] = {}

    def of(self, job: int) -> "asyncio.Future[int]":
        return self.jobs.setdefault(job, asyncio.get_running_loop().create_future())


heard = Heard()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the requests of one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            lengths = [line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0]) if lengths else 0)
            told = {}
            if method == "POST":
                told = json.loads(body)
                if not heard.of(told["job"]).done():
                    heard.of(told["job"]).set_result(time.monotonic_ns())
            else:
                told = {"heard_ns": await asyncio.shield(heard.of(int(path.rpartition("/")[2])))}
            answer = json.dumps(told).encode()
            fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(answer)
            writer.write(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + answer)
            if "connection: close" in head.lower():
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The other side has left.
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
