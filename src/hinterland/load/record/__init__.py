"""A load's folder on disk."""
