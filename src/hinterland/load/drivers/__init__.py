"""A folder a protocol: how its operations go out and how their answers are read."""
