"""The sources of an experiment's variants: the files of its `systems`, and functions named as a level."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

from hinterland.model.experiment import Experiment, show

LARGEST_BYTES = 64 * 1024
MOST_LINES = 1500
"""What is longer is not compared: the time that a comparison takes grows with the square of it."""


@dataclass(frozen=True)
class Piece:
    """A file, or a part of one: what it is called, the number of its first line, and its lines."""

    name: str
    first: int
    lines: tuple[str, ...]


def pieces(experiment: Experiment) -> list[Piece]:
    """Returns what there is to compare: first the functions and classes that have the name of a level, in the
    order of the levels, then the files. Files that are no text, or too long, are left out."""
    levels = [show(level) for factor in experiment.factor.values() for level in factor.levels]
    files, parts = [], list[Piece]()
    for path in _files(experiment):
        text = _text(path)
        if text is None:
            continue
        files.append(Piece(path.name, 1, tuple(text.splitlines())))
        if path.suffix == ".py":
            parts += _parts(path.name, text, levels)
    return sorted(parts, key=lambda part: levels.index(_bare(part))) + files


def _files(experiment: Experiment) -> list[Path]:
    folder = Path(experiment.folder) / "systems"
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except OSError:
        return []
    return [path for path in found if path.name != "__init__.py"]


def _text(path: Path) -> str | None:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if text.strip() and text.count("\n") <= MOST_LINES else None


def _parts(file: str, text: str, levels: Sequence[str]) -> list[Piece]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    lines = text.splitlines()
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in levels:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found.append(Piece(f"{node.name}, in {file}", first, tuple(lines[first - 1 : node.end_lineno])))
    return found


def _bare(piece: Piece) -> str:
    """Returns what a piece is called without its file or its ending: what a level may be named after."""
    return piece.name.partition(", in ")[0] if ", in " in piece.name else piece.name.rpartition(".")[0]


def pair(experiment: Experiment, found: Sequence[Piece]) -> tuple[Piece, Piece] | None:
    """Returns the two to begin with: those of a claim and of its control, else two named as levels, else the
    two of a kind that are most alike. None where there are no two."""
    by_name: dict[str, Piece] = {}
    for piece in found:
        by_name.setdefault(_bare(piece), piece)
    for claim in sorted(experiment.claim, key=lambda claim: not claim.main):
        for factor, level in claim.where.items():
            one, other = by_name.get(show(level)), by_name.get(show(claim.instead.get(factor, "")))
            if one is not None and other is not None and one is not other:
                return one, other
    levels = [show(level) for factor in experiment.factor.values() for level in factor.levels]
    named = [by_name[level] for level in dict.fromkeys(levels) if level in by_name]
    if len(named) > 1:
        return named[0], named[1]
    pairs = [
        (one, other) for one, other in combinations(found, 2) if not one.name.endswith(f", in {other.name}")
    ]
    pairs = [(one, other) for one, other in pairs if _kind(one) == _kind(other)] or pairs
    return max(pairs, key=lambda pair: _likeness(*pair), default=None)


def _kind(piece: Piece) -> str:
    return piece.name.rpartition(".")[2]


def _likeness(one: Piece, other: Piece) -> float:
    return SequenceMatcher(None, one.lines, other.lines, autojunk=False).quick_ratio()
