"""The charts of a run's report: dots, lines and panels of what its trials measured."""
