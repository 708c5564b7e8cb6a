"""Echoes over TCP."""
