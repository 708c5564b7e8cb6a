"""Measurements of Hinterland itself, against declared targets and against peers."""
