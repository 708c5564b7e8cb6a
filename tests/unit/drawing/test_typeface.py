"""The typeface: what is kept is what was taken, with its licence, and no page grows by more than it may."""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import pairwise

import pytest

from hinterland import catalogue
from hinterland.drawing import svg, typeface
from tools.atlas import lettering

HASHES = {
    "literata-latin-400-normal.woff2": "a60c193b55766b68b922e2327e15c2d8c145532f283a27c3411b9c47a8583d18",
    "literata-latin-400-italic.woff2": "1e98bfbbb4eb8177b9c21b3fd526e1118c4835d21ff870c0d1c25b1ef4409fba",
    "literata-latin-600-normal.woff2": "99284fd89c86b8c58e921f42e05a42dae1add53e797b80d82165778b932bf924",
}
"""Of the files in @fontsource/literata 5.3.0, as `npm pack` brings them."""
MOST_IN_A_REPORT = 70 * 1024


def test_the_files_are_those_of_the_package() -> None:
    assert {face.file for face in typeface.FACES} == set(HASHES)
    assert {path.name for path in typeface.FOLDER.iterdir()} == {*HASHES, "LICENSE"}


@pytest.mark.parametrize("face", typeface.FACES, ids=lambda face: face.file)
def test_a_file_is_unchanged(face: typeface.Face) -> None:
    assert sha256(face.path.read_bytes()).hexdigest() == HASHES[face.file]


def test_the_licence_lies_beside_them() -> None:
    text = (typeface.FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "SIL Open Font License, Version 1.1" in text
    assert "The Literata Project Authors" in text


def test_a_report_carries_its_letters_and_stays_small() -> None:
    rules = typeface.embedded()
    assert len(rules) <= MOST_IN_A_REPORT
    assert re.findall(r"url\((?!data:font/woff2;base64,)", rules) == []


def test_a_page_is_laid_out_once() -> None:
    assert typeface.linked("/static").count("font-display:optional") == len(typeface.FACES)


def test_a_line_of_text_takes_no_more_than_was_thought() -> None:
    """Letter by letter Literata is wider here and there; no caption, label or claim of the atlas is."""
    says = [chart.caption for one in catalogue.experiments() for chart in one.chart]
    says += [claim.says for one in catalogue.experiments() for claim in one.claim]
    words = {" ".join(pair) for text in says for pair in pairwise(text.split())}
    assert len(words) > 500
    says = [*says, *(each for each in words if len(each) >= 8)]
    wider = [text for text in says if lettering.text_width(text, 100) > 1.05 * svg.text_width(text, 100)]
    assert wider == []
