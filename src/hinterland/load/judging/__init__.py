"""Whether a load's figures can be trusted, keep what was asserted, and differ from an earlier load's."""
