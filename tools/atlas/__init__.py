"""Keeps the map of `hinterland/web/map`: `python -m tools.atlas`. Only who adds places runs it."""
