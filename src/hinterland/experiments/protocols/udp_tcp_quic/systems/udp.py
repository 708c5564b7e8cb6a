"""Chunks as UDP datagrams: what the network drops, doubles or swaps, the receiver gets so.

python udp.py receive 127.0.0.1 9000
python udp.py send 127.0.0.1 9000      # Enter to connect, Enter to send, Ctrl-D to end
"""

from __future__ import annotations

import asyncio
from typing import Any

from chunks import END, Ledger, options, paced, stay, told, write  # type: ignore[import-not-found]


class Receiver(asyncio.DatagramProtocol):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        self._ledger.take(data)


async def receive(address: str, port: int, ledger: Ledger) -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Receiver(ledger), local_addr=(address, port)
    )
    print("listening", flush=True)
    await ledger.complete(whole=False)


async def main() -> None:
    given = options("Chunks over UDP", ["datagram"])
    if given.role == "receive":
        ledger = Ledger(given.count, given.quiet_s)
        await receive(given.address, given.port, ledger)
        write({"rows": ledger.rows}, given.out)
        return
    await told("ready: press Enter to connect")
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=(given.address, given.port)
    )

    async def send(data: bytes) -> None:
        transport.sendto(data)

    write(await paced(given.count, given.rate, send), given.out)
    await stay(lambda: transport.sendto(END))


asyncio.run(main())
