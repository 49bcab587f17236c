"""What a worker does: fires timers that are due, and carries on long work."""
