"""The load engine against wrk, in one interleaved run, and against the truth of a stall of known length."""
