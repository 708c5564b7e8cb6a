"""Programs that the rig starts: where they are, what they may use, how they end, and that all of them do."""
