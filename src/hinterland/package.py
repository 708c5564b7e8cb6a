"""Which version this is, and the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

VERSION = "0.1.0"
FOLDER = Path(__file__).resolve().parent
"""The package's own folder: what belongs to it is found from here, wherever a module stands."""
