"""`hinterland run`: its options, the live view, and how a run ends in words and as an exit status."""
