"""What the runner loads of `same`: see `benchmarks.weather.pairs`."""

from benchmarks.weather.pairs import outcome, same_claims, trial

__all__ = ["CLAIMS", "outcome", "trial"]

CLAIMS = same_claims()
