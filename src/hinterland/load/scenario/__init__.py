"""Visits that a Python file describes, as a lane drives them."""
