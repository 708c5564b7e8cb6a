"""A network of this machine's own, with distance, loss and a rate."""
