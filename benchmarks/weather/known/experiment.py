"""What the runner loads of `known`: see `benchmarks.weather.pairs`."""

from benchmarks.weather.pairs import outcome, trial

__all__ = ["outcome", "trial"]
