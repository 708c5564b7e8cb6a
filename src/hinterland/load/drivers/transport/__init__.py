"""What several drivers stand on: sockets that lanes own or share, and TLS."""
