"""Titles are what a reader remembers a place by: no two may sound alike."""

from __future__ import annotations

import re
from collections import Counter

from hinterland import catalogue


def heard(title: str) -> str:
    return " ".join(
        word for word in re.findall(r"[a-z0-9]+", title.lower()) if word not in ("a", "an", "the")
    )


def test_no_two_titles_are_alike() -> None:
    counts = Counter(heard(one.title) for one in catalogue.experiments())
    assert [title for title, count in counts.items() if count > 1] == []
