"""The link's own process: it carries packets, and records them."""
