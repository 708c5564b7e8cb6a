"""A load's page, its summary, and its figures for other tools."""
