"""A web server on an event loop, with one slow page: its report waits for a neighbour, in one of three ways.

`blocking` is wrong on purpose: the handler says `async`, but inside it waits with a library that knows
nothing of the loop. People write it because that library is the one they know, nothing warns them, and with
one visitor at a time it works.

    python server.py 8080 8081 200 blocking    # port, the neighbour's port, ms to wait, way of waiting
    curl http://127.0.0.1:8080/report          # waits for the neighbour
    curl http://127.0.0.1:8080/                # answers at once, unless the loop stands still
"""

from __future__ import annotations

import asyncio
import http.client
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

NEIGHBOUR_PORT, WAIT_MS = int(sys.argv[2]), float(sys.argv[3])
PATH = f"/?wait_ms={WAIT_MS:.3f}"


def fetch() -> int:
    """Asks the neighbour, and does not return before it has answered."""
    connection = http.client.HTTPConnection("127.0.0.1", NEIGHBOUR_PORT)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status
    finally:
        connection.close()


async def blocking(request: Request) -> Response:
    """Wrong on purpose: the only thread there is waits inside `fetch`."""
    return PlainTextResponse(f"{fetch()}\n")


async def to_thread(request: Request) -> Response:
    """Another thread waits; the loop's own goes on."""
    return PlainTextResponse(f"{await asyncio.to_thread(fetch)}\n")


async def awaiting(request: Request) -> Response:
    """No thread waits: the loop is told when the answer is there."""
    heard, said = await asyncio.open_connection("127.0.0.1", NEIGHBOUR_PORT)
    said.write(f"GET {PATH} HTTP/1.1\r\nHost: neighbour\r\n\r\n".encode())
    status = (await heard.readuntil(b"\r\n\r\n")).split()[1]
    said.close()
    return PlainTextResponse(f"{int(status)}\n")


async def quick(request: Request) -> Response:
    """The page of everybody else."""
    return PlainTextResponse("ok\n")


WAYS = {"blocking": blocking, "to_thread": to_thread, "async": awaiting}
app = Starlette(routes=[Route("/", quick), Route("/report", WAYS[sys.argv[4]])])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
