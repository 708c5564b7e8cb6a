"""What becomes of a packet: a shape, as arithmetic over time. Knows no kernel and no clock."""
