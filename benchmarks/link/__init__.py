"""The link against its targets: delay, loss, rate, speed, life."""
