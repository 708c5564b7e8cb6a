"""Many connections that stay open, held by processes beside the one that measures."""
