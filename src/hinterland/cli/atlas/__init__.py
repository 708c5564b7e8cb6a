"""The atlas at the command line: what there is, how it is gone through, how it grows."""
