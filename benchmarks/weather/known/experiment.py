"""What the runner loads of `known`: see `benchmarks.weather.pairs`."""

from benchmarks.weather.pairs import known_claims, outcome, trial

__all__ = ["CLAIMS", "outcome", "trial"]

CLAIMS = known_claims()
