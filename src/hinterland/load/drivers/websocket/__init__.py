"""WebSockets: echoes, and messages that come unasked."""
