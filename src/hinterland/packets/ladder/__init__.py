"""The ladder: two hosts, the time between them, and every packet as an arrow."""
