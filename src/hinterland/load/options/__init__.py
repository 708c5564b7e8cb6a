"""How a person's words, or a file of another tool, become the plan of a load."""
