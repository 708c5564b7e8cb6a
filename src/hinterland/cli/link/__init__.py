"""`hinterland link`: its options, its shapes in words, and the session that runs a command behind it."""
