"""The processes of a load, run together: consent, start, tally, end."""
