"""A load that is driven in this process, whose operations are kept as columns."""
