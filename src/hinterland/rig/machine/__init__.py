"""This machine: what it is, what is installed on it, and how busy it is."""
