"""What crossed a wire: packets taken apart, told in words, grouped into flights and connections.

Its page and its ladder draw them.
"""
