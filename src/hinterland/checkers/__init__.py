"""Histories in, findings out. Pure: no I/O, no clock, no randomness.

A checker never guesses: an operation whose outcome is `unknown` may have happened.
"""
