"""A process that outlives a trial, so that what takes long to load is loaded once."""
