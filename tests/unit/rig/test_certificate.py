from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from hinterland.errors import SetupError
from hinterland.rig import certificate as module
from hinterland.rig.certificate import certificate


def shake_hands(own: module.Certificate, name: str) -> None:
    """Does a handshake in memory with who trusts this certificate alone. Raises ssl.SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(own.path, own.key_path)
    client = ssl.create_default_context(cafile=str(own.path))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [server.wrap_bio(up, down, server_side=True), client.wrap_bio(down, up, server_hostname=name)]
    for _ in range(4):
        for side in reversed(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert sides[1].version() is not None


def test_it_is_good_for_its_names_and_no_other(tmp_path: Path) -> None:
    own = certificate(tmp_path, ["server", "10.7.0.2", "fd00::2"])
    for name in ("server", "10.7.0.2", "fd00::2"):
        shake_hands(own, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(own, "somebody.example")


def test_it_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    own = certificate(tmp_path, ["server"])
    before = own.path.read_bytes()
    assert certificate(tmp_path, ["server"]) == own
    assert own.path.read_bytes() == before
    assert certificate(tmp_path, ["other"]).path.read_bytes() != before
    assert stat.S_IMODE(own.key_path.stat().st_mode) == 0o600
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".crt", ".crt", ".key", ".key"]


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(names: object) -> None:
        raise ImportError

    monkeypatch.setattr(module, "_make", missing)
    with pytest.raises(SetupError) as raised:
        certificate(tmp_path, ["server"])
    assert "pip install cryptography" in raised.value.next_step
