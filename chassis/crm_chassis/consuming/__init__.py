"""The consumer process: takes events from the broker and runs reactions, on nameko."""
