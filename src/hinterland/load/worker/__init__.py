"""A process that drives its part of a load, and what it tells the one that conducts."""
