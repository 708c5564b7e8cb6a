"""One trial: the experiment's code, what it is given, what it says, and what counts against it."""
