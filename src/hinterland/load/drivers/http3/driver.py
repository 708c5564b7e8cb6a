"""Drives a server with HTTP/3: aioquic does the work, so the load is as fast as that is."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from hinterland.clients.dial import SocketMaker
from hinterland.errors import SetupError
from hinterland.load.drivers.transport import tls
from hinterland.load.drivers.transport.shared_connection import SharedConnection, shared_lanes
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Requests
from hinterland.load.plan.plan import LoadPlan

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration

LEAST_IDLE_S = 60.0
STREAM_BYTES, CONNECTION_BYTES = 1 << 24, 1 << 26
"""How much a server may send ahead, on a stream and in all."""


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns `plan.multiplexed` lanes for each connection, numbered from 0; a lane is a stream at a time.

    Raises SetupError when aioquic is not installed, UsageError where `plan.ca_file` holds no certificates.
    """
    try:
        from hinterland.load.drivers.http3.connection import Http3Connection
    except ImportError as error:
        raise SetupError(f"HTTP/3 needs aioquic: {error}.", 'pip install "hinterland[protocols]"') from None
    configuration = _configuration(plan)
    return shared_lanes(
        plan,
        connections,
        lambda: SharedConnection(
            plan, lambda shared: Http3Connection(shared, configuration), new_socket=new_socket
        ),
        listener=listener,
        requests=requests,
    )


def _configuration(plan: LoadPlan) -> QuicConfiguration:
    from aioquic.quic.configuration import QuicConfiguration

    # aioquic reads the file at each handshake: what is wrong with it must be said before.
    context = tls.context(plan, ["h3"])
    made = QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3"],
        server_name=plan.target.host,
        idle_timeout=max(LEAST_IDLE_S, 2 * plan.timeout_s),
        max_data=CONNECTION_BYTES,
        max_stream_data=STREAM_BYTES,
        verify_mode=int(context.verify_mode),
    )
    # Without a file aioquic would trust a list of its own, not the system's.
    system = ssl.get_default_verify_paths()
    if plan.cert_file:
        made.load_cert_chain(plan.cert_file, plan.key_file or plan.cert_file)
    if plan.ca_file:
        made.load_verify_locations(cafile=plan.ca_file)
    elif system.cafile or system.capath:
        made.load_verify_locations(cafile=system.cafile, capath=system.capath)
    return made
