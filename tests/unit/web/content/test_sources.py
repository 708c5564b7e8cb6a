"""What there is to put side by side, and which two to begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hinterland import catalogue
from hinterland.web.content import sources
from hinterland.web.content.sources import LARGEST_BYTES

IDEMPOTENCY = catalogue.find("apis/idempotency")


def test_a_function_named_as_a_level_is_a_piece_of_its_own() -> None:
    found = {piece.name: piece for piece in sources.pieces(IDEMPOTENCY)}
    piece = found["key_in_redis, in payments.py"]
    whole = found["payments.py"]
    assert piece.lines[0].startswith("def key_in_redis(")
    assert whole.lines[piece.first - 1 : piece.first - 1 + len(piece.lines)] == piece.lines


def test_a_claim_and_its_control_are_put_side_by_side_first() -> None:
    chosen = sources.pair(IDEMPOTENCY, sources.pieces(IDEMPOTENCY))
    assert chosen is not None
    assert [piece.name.partition(",")[0] for piece in chosen] == ["key_in_transaction", "no_key"]


@pytest.mark.parametrize("experiment", catalogue.experiments(), ids=lambda one: one.id)
def test_every_experiment_has_two_different_pieces_or_none(experiment: catalogue.Experiment) -> None:
    found = sources.pieces(experiment)
    assert len({piece.name for piece in found}) == len(found)
    chosen = sources.pair(experiment, found)
    assert (chosen is None) == (len(found) < 2)
    if chosen is not None:
        assert chosen[0] is not chosen[1]


def test_what_is_no_text_too_long_or_a_link_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "systems"
    folder.mkdir()
    (folder / "bytes.bin").write_bytes(b"\xff\xfe\x00")
    (folder / "long.py").write_text("x = 1\n" * LARGEST_BYTES)
    (folder / "broken.py").write_text("def (:\n")
    (folder / "link.py").symlink_to("/etc/passwd")
    found = sources.pieces(replace(IDEMPOTENCY, folder=str(tmp_path)))
    assert [piece.name for piece in found] == ["broken.py"]
    assert sources.pieces(replace(IDEMPOTENCY, folder=str(tmp_path / "nowhere"))) == []
