"""Services as values, a module each: which programs it needs, how it starts, and when it is ready."""
