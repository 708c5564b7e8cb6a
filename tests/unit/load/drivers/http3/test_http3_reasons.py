"""Why an HTTP/3 connection ended: the codes and words of its peer."""

from __future__ import annotations

import pytest

pytest.importorskip("aioquic")

from aioquic.quic.events import ConnectionTerminated

from hinterland.load.drivers.http3.connection import _code_of
from hinterland.load.engine import failures
from hinterland.load.engine.failures import words_of


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        (ConnectionTerminated(0x102, None, "out of memory"), "protocol",
         "CONNECTION_CLOSE H3_INTERNAL_ERROR: out of memory"),
        (ConnectionTerminated(0x100, None, "see you"), "closed", "CONNECTION_CLOSE H3_NO_ERROR: see you"),
        (ConnectionTerminated(0x77777, None, ""), "protocol", "CONNECTION_CLOSE error 0x77777"),
        (
            ConnectionTerminated(0xA, 0x8, "bad frame"),
            "protocol",
            "CONNECTION_CLOSE PROTOCOL_VIOLATION: bad frame",
        ),
        (ConnectionTerminated(0x100, None, ""), "closed", None),
        (ConnectionTerminated(0, 0, "Idle timeout"), "timeout", None),
        (ConnectionTerminated(0x100 + 116, 6, ""), "tls: the server wants a certificate of the client", None),
    ],
)  # fmt: skip
def test_a_connection_that_ended_says_why(
    monkeypatch: pytest.MonkeyPatch, event: ConnectionTerminated, kind: str, says: str | None
) -> None:
    monkeypatch.setattr(failures, "_reasons", {})
    assert words_of(_code_of(event)) == kind
    assert failures.reasons() == ({} if says is None else {kind: {says: 1}})
