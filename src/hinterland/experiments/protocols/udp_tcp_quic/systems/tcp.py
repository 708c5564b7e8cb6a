"""Chunks in one TCP connection: every byte, in order, at the price of waiting.

    python tcp.py receive 127.0.0.1 9000
    python tcp.py send 127.0.0.1 9000      # Enter to connect, Enter to send, Ctrl-D to end

The sender keeps its send buffer small, so that it feels when the network takes less than it gives.
"""

from __future__ import annotations

import asyncio
import socket

from chunks import Ledger, options, paced, stay, told, write  # type: ignore[import-not-found]

SEND_BUFFER_BYTES = 8192


async def receive(address: str, port: int, ledger: Ledger) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            ledger.read(data)

    await asyncio.start_server(connected, address, port)
    print("listening", flush=True)
    await ledger.complete(whole=True)


async def main() -> None:
    given = options("Chunks over TCP", ["stream"])
    if given.role == "receive":
        ledger = Ledger(given.count, given.quiet_s)
        await receive(given.address, given.port, ledger)
        write({"rows": ledger.rows}, given.out)
        return
    loop = asyncio.get_running_loop()
    await told("ready: press Enter to connect")
    with socket.socket() as line:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        # Each chunk leaves at once; Nagle's algorithm would collect them.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(line, (given.address, given.port))
        write(await paced(given.count, given.rate, lambda data: loop.sock_sendall(line, data)), given.out)
        await stay()


asyncio.run(main())
