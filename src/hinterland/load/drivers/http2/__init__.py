"""HTTP/2, and gRPC's statuses on it."""
