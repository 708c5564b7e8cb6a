"""Redis and Valkey: RESP."""
