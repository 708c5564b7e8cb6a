"""`hinterland load`: its options, what they ask for, what is shown meanwhile, and how it ends."""
