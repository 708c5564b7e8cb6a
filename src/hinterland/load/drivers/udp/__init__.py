"""Echoes over UDP."""
