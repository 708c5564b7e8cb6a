"""Makes weather on this machine and measures verdicts in it: `python -m benchmarks.weather`."""
