"""One request at a time, and what became of it: what goes over the wire, how it gets there, what it came to."""
