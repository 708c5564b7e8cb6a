"""The atlas in a browser. This process never measures: it starts runs and follows records."""
