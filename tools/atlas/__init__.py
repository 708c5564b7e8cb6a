"""Draws the atlas once: `python -m tools.atlas` writes `hinterland/web/map`. Only who adds places runs it."""
