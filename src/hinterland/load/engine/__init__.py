"""The hot path: when operations are due, who sends them, how each is noted."""
