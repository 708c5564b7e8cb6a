"""One request at a time, and what became of it: what is sent, how, and what it came to."""
