"""Analytics: what happened, kept for ever, and what follows from it."""
