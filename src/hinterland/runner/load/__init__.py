"""`hinterland load`: a plan, the processes that carry it out, and the result."""
