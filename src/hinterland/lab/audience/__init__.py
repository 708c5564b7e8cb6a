"""Many who listen at once, and when each of them was told."""
