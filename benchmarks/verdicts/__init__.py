"""How often a verdict is false, and how often a true difference is found: `python -m benchmarks.verdicts`."""
