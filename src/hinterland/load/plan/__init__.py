"""What a load is to be, as values and in words."""
