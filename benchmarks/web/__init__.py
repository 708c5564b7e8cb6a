"""How long the pages of `hinterland serve` take, and how many can watch a run."""
