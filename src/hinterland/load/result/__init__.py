"""What a load came to, as values."""
