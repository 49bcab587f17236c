"""Recipients: what is kept of contacts, and what they consented to."""
