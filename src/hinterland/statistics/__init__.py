"""Arrays to estimates, intervals and sequential tests. Pure: no I/O, no clock, no state."""
