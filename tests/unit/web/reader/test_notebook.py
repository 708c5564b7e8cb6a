"""What a reader said stays, whole lines only, whoever else writes."""

from __future__ import annotations

from pathlib import Path

from hinterland.web.reader.notebook import FILE, Entry, Notebook


def entry(experiment: str = "a/b", **given: object) -> Entry:
    return Entry(t_s=1.0, experiment=experiment, **{"kind": "predicted", **given})  # type: ignore[arg-type]


def test_what_was_said_is_there_for_the_next_who_reads(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "store")
    assert notebook.entries() == []
    said = entry(marks={"x | y": 3.0}, within=2.0)
    notebook.add(said)
    notebook.add(entry(kind="why", text="because"))
    assert Notebook(tmp_path / "store").entries() == notebook.entries()
    assert notebook.latest("a/b") == said
    assert (tmp_path / "store" / FILE).stat().st_mode & 0o77 == 0


def test_two_servers_share_a_notebook(tmp_path: Path) -> None:
    one, other = Notebook(tmp_path), Notebook(tmp_path)
    one.add(entry("a/b"))
    assert other.is_open("a/b")
    other.add(entry("c/d", kind="skipped"))
    assert one.is_open("c/d")
    assert not one.is_open("e/f")


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.add(entry())
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"not": "an entry"}\n\xff\n{"t_s": 1.0, "exper')
    assert len(Notebook(tmp_path).entries()) == 1
    # The rest of the line may still come.
    assert len(notebook.entries()) == 1


def test_why_alone_opens_nothing(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.add(entry(kind="why", text="x"))
    assert not notebook.is_open("a/b")


def test_hindsight_is_no_prediction(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    before = Entry(t_s=1.0, experiment="a/b", kind="predicted", number=50.0, within=2.0)
    notebook.add(before)
    notebook.add(Entry(t_s=3.0, experiment="a/b", kind="predicted", number=64.0, within=1.2))
    assert notebook.latest("a/b", before_s=2.0) == before
    assert notebook.latest("a/b", before_s=0.5) is None
