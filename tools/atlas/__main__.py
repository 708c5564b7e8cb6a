"""`python -m tools.atlas [--check | --anew] [FILE]`: brings the map to what the catalogue (places.toml) has.

What stands on it stays where it is: a newcomer gets a free plot of its region, or a part of another's; what
is gone leaves its plot free. `--check` changes nothing and ends with 1 where it would. `--anew` works all of
it out again, and every place moves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.atlas import halos, newcomers, sheet, survey


def main() -> int:
    """Returns 0, 1 where `--check` found a difference, 2 where the map can't take a change."""
    parser = argparse.ArgumentParser(prog="python -m tools.atlas", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=sheet.FILE, metavar="FILE")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--check", action="store_true", help="change nothing; 1 where something would change")
    asked.add_argument("--anew", action="store_true", help="a whole new map: every place moves")
    chosen = parser.parse_args()
    places = sheet.catalogue()
    if chosen.anew:
        return _write(chosen.file, survey.surveyed(places), ["the whole map is new"])
    try:
        found, said = newcomers.brought_up(sheet.read(chosen.file), places)
    except FileNotFoundError:
        print(f"{chosen.file}: there is no map yet. Make one: --anew", file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.check or not said:
        print("\n".join(said) or "The map has what the catalogue has.")
        return 1 if said else 0
    return _write(chosen.file, found, said)


def _write(file: Path, atlas: sheet.Atlas, said: list[str]) -> int:
    file.parent.mkdir(exist_ok=True)
    atlas = halos.given(atlas)
    text = sheet.text_of(atlas)
    file.write_text(text, encoding="utf-8")
    print("\n".join(said))
    print(f"{len(atlas['places'])} places, {len(text.encode()) / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
