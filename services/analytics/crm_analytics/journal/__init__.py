"""The journal: every event of every service, kept for ever as it came."""
