"""How much a server takes: loads in search of the highest rate that keeps an aim."""
