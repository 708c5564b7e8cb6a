"""Runs and loads that are kept: listed, told again, judged again."""
