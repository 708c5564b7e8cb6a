"""What the pages say exists: linked files, verbs, the headings of a lesson; nothing names one machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
GENERATED = {"dist", "build"}
KNOWN_VERBS = {verb for group in VERBS.values() for verb, _, _ in group}
HEADINGS = [
    "The question",
    "Before you run",
    "What runs",
    "What to see",
    "Why",
    "In the wild",
    "Analogy",
    "Go further",
    "Out of scope",
]
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
VERB = re.compile(r"(?<![\w.])hinterland ([a-z]+)")
FOREIGN = re.compile(
    r"(?<![\w.~-])/(?:work|root|home)/"  # a folder of the machine on which the text was written
    "|"
    + "|".join(
        re.escape(".".join(host)) for host in (("pypi", "org"), ("registry", "npmjs"), ("deb", "debian"))
    )
)


def files(suffix: str = "") -> Iterator[Path]:
    """Yields the project's files, without what tools leave behind."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in GENERATED
            and name != "__pycache__"
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name == ".ci")
        ]
        # In a second worktree `.git` is a file, with the way to the first one.
        yield from (Path(folder, name) for name in names if name.endswith(suffix) and name != ".git")


PAGES = sorted(files(".md"))
LESSONS = [page for page in PAGES if page.name == "lesson.md"]


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_each_relative_link_leads_to_a_file(page: Path) -> None:
    text = CODE.sub("", page.read_text())
    targets = [inline or listed for inline, listed in LINK.findall(text)]
    relative = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]

    assert [target for target in relative if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_each_verb_that_a_page_names_exists(page: Path) -> None:
    assert set(VERB.findall(page.read_text())) <= KNOWN_VERBS


@pytest.mark.parametrize("lesson", LESSONS, ids=names)
def test_a_lesson_has_the_nine_headings_in_order(lesson: Path) -> None:
    assert re.findall(r"^## (.+)$", lesson.read_text(), re.MULTILINE) == HEADINGS


def test_no_file_names_a_package_host_or_a_folder_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # Not a text.
        found += [f"{names(path)}: {match.group()}" for match in FOREIGN.finditer(text)]

    assert found == []


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [("/ro" + "ot/.local", True), ("see /wo" + "rk/main", True), ("a/work/b", False), ("~/work/", False)],
)
def test_a_folder_of_one_machine_is_recognised(text: str, is_foreign: bool) -> None:
    assert bool(FOREIGN.search(text)) == is_foreign
